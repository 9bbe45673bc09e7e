/** Runs that wait in this process: for their input, for the jobs they come after, or for another process. */
import { asNightshiftError, CancelledError, type NightshiftError } from "../errors.js";
import type { Interval, Job } from "../job/job.js";
import type { RunOptions, RunOutcome, RunRequest } from "../running/run-request.js";
import type { Runner } from "../running/runner.js";
import { type Upstream, unpublishedUpstream } from "../running/upstream.js";
import { waitForInput } from "../running/wait-for-input.js";
import type { ServiceContext } from "./context.js";

/** What a run waits for. */
export type Waiting =
  | { readonly for: "input"; readonly job: Job; readonly until: Date; readonly error: NightshiftError }
  | { readonly for: "upstream" | "owner"; readonly error: NightshiftError };

export interface WaitOptions {
  /** How long to wait for input that has not arrived; by default as long as the job's `input.wait_for` says. */
  readonly waitForMs?: number | undefined;
  readonly upstreams?: readonly Upstream[];
  /** Called when a wait begins. */
  readonly onWait: (waiting: Waiting) => void;
}

export interface InputWait {
  /** Runs a job as `runner.run` does, once its input has arrived or the time is over. */
  run(runner: Runner, request: RunRequest, options: RunOptions): Promise<RunOutcome>;
}

const usualPollMs = 60_000;
const upstreamPollMs = 5_000;

/** All runs of one wait share its time: a backfill of many intervals waits no longer than one run. */
export function inputWait(
  context: ServiceContext,
  { waitForMs, upstreams = [], onWait }: WaitOptions,
): InputWait {
  const { clock, pause } = context;
  /** When the first wait began. */
  let sinceMs: number | null = null;

  /** @throws SpecError `refused.upstream-unpublished` when the time is over */
  async function waitForUpstreams(interval: Interval, signal: AbortSignal): Promise<void> {
    const app = await context.app();
    const parts = { ledger: await app.ledger(), sink: app.sink };
    for (let looks = 0; ; looks++) {
      const unpublished = await unpublishedUpstream(interval, upstreams, parts);
      if (unpublished === null) return;
      const now = clock.now().getTime();
      const leftMs = (sinceMs ?? now) + (waitForMs ?? 0) - now;
      if (leftMs <= 0) throw unpublished;
      sinceMs ??= now;
      if (looks === 0) onWait({ for: "upstream", error: unpublished });
      await pause(Math.min(upstreamPollMs, leftMs), signal);
      if (signal.aborted) throw new CancelledError();
    }
  }

  return {
    async run(runner, request, options) {
      const { job } = request;
      if (job.interval !== null && upstreams.length > 0) await waitForUpstreams(job.interval, options.signal);
      const timeoutMs = waitForMs ?? job.input.waitFor?.timeoutMs ?? 0;
      if (timeoutMs === 0) return runner.run(request, options);
      const now = clock.now().getTime();
      const untilMs = (sinceMs ?? now) + timeoutMs;
      const planned = await waitForInput(runner, job, {
        signal: options.signal,
        clock,
        pause,
        untilMs,
        pollMs: job.input.waitFor?.pollMs ?? usualPollMs,
        onWait(error) {
          sinceMs ??= now;
          onWait({ for: "input", job, until: new Date(untilMs), error });
        },
      });
      return planned === null ? runner.run(request, options) : runner.runPlan(planned, request, options);
    },
  };
}

const firstPauseMs = 500;
const longestPauseMs = 10_000;

/**
 * Starts a run once no other process works on it. The start then finds what that process published, or resumes its run.
 *
 * @throws what `start` throws except `refused.owner-alive`; CancelledError when the signal fires
 */
export async function waitForOwner(
  { pause }: Pick<ServiceContext, "pause">,
  start: (options: RunOptions) => Promise<RunOutcome>,
  options: RunOptions,
  onWait: WaitOptions["onWait"],
): Promise<RunOutcome> {
  let reported = "";
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      return await start(options);
    } catch (thrown) {
      const error = asNightshiftError(thrown);
      if (error.code !== "refused.owner-alive") throw thrown;
      if (error.message !== reported) onWait({ for: "owner", error });
      reported = error.message;
    }
    await pause(pauseMs, options.signal);
    if (options.signal.aborted) throw new CancelledError();
  }
}
