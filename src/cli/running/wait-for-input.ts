/** Runs of the command line wait for their input in the command itself. */
import { type Command, Option } from "commander";
import { CancelledError } from "../../errors.js";
import type { Interval, Job } from "../../job/job.js";
import type { RunOptions, RunOutcome, RunRequest } from "../../running/run-request.js";
import type { Runner } from "../../running/runner.js";
import { type Upstream, unpublishedUpstream } from "../../running/upstream.js";
import { waitForInput } from "../../running/wait-for-input.js";
import { pause } from "../../wiring/system-clock.js";
import { instantText } from "../output/run-text.js";
import type { Cli } from "../shell/context.js";
import { durationMs } from "../shell/options.js";

export interface WaitFlags {
  readonly waitFor?: number;
}

export function declareWaitFor(command: Command): Command {
  return command.addOption(
    new Option(
      "--wait-for <duration>",
      "how long to wait for input that has not arrived: 3h; 0s: not at all (default: the job's input.wait_for)",
    ).argParser(durationMs),
  );
}

export interface InputWait {
  /** Runs a job as `runner.run` does, once its input is there or its time is over. */
  run(runner: Runner, request: RunRequest, options: RunOptions): Promise<RunOutcome>;
}

const usualPollMs = 60_000;

/** All runs of one command share the time: a backfill of many intervals waits no longer than one run. */
/** Other jobs, on the command line. */
const upstreamPollMs = 5_000;

export function inputWait(cli: Cli, { waitFor }: WaitFlags, upstreams: readonly Upstream[] = []): InputWait {
  const { clock, err, globals } = cli;
  let sinceMs: number | null = null;

  /** @throws SpecError `refused.upstream-unpublished` */
  async function upstream(interval: Interval, signal: AbortSignal): Promise<void> {
    const app = await cli.app();
    const parts = { ledger: await app.ledger(), sink: app.sink };
    for (let looks = 0; ; looks++) {
      const unpublished = await unpublishedUpstream(interval, upstreams, parts);
      if (unpublished === null) return;
      const now = clock.now().getTime();
      const leftMs = (sinceMs ?? now) + (waitFor ?? 0) - now;
      if (leftMs <= 0) throw unpublished;
      sinceMs ??= now;
      if (looks === 0 && !globals.quiet && !globals.json) err.line(`${unpublished.message}: waiting for it`);
      await pause(Math.min(upstreamPollMs, leftMs), signal);
      if (signal.aborted) throw new CancelledError();
    }
  }

  return {
    async run(runner, request, options) {
      const { job } = request;
      if (job.interval !== null && upstreams.length > 0) await upstream(job.interval, options.signal);
      const timeoutMs = waitFor ?? job.input.waitFor?.timeoutMs ?? 0;
      if (timeoutMs === 0) return runner.run(request, options);
      const now = clock.now().getTime();
      // The time runs from the first wait on, not from the beginning of what may take hours.
      const untilMs = (sinceMs ?? now) + timeoutMs;
      const planned = await waitForInput(runner, job, {
        ...{
          signal: options.signal,
          clock,
          pause,
          untilMs,
          pollMs: job.input.waitFor?.pollMs ?? usualPollMs,
        },
        onWait: (error) => {
          sinceMs ??= now;
          if (!globals.quiet && !globals.json)
            err.line(
              `${labelOf(job)} waits for its input until ${instantText(new Date(untilMs).toISOString())}: ${error.message}`,
            );
        },
      });
      return planned === null ? runner.run(request, options) : runner.runPlan(planned, request, options);
    },
  };
}

function labelOf({ name, interval }: Job): string {
  return interval === null ? name : `${name} ${interval.ds}`;
}
