import { asNightshiftError, CancelledError } from "../../errors.js";
import type { RunOptions, RunOutcome } from "../../running/run-request.js";
import { pause } from "../../wiring/system-clock.js";
import type { Cli } from "../shell/context.js";

const firstPauseMs = 500;
const longestPauseMs = 10_000;

/**
 * Starts a run once nobody else works on it: what they published is found then, what they left is gone on with.
 *
 * @throws what `start` throws, but for `refused.owner-alive`; CancelledError when the signal fires
 */
export async function waitForOwner(
  cli: Cli,
  start: (options: RunOptions) => Promise<RunOutcome>,
  options: RunOptions,
): Promise<RunOutcome> {
  let told = "";
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      return await start(options);
    } catch (thrown) {
      const { code, message } = asNightshiftError(thrown);
      if (code !== "refused.owner-alive") throw thrown;
      if (message !== told && !cli.globals.quiet) cli.err.line(`${message}: waiting for it`);
      told = message;
    }
    await pause(pauseMs, options.signal);
    if (options.signal.aborted) throw new CancelledError();
  }
}
