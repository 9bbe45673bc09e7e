/** Tells observers how what was asked of a runner ended. */

import { asNightshiftError, CancelledError, toErrorRecord } from "../errors.js";
import { type Job, targetOf } from "../job/job.js";
import { noRows } from "../job/partition.js";
import type { Run } from "../job/run.js";
import type { Observer, RunEnd } from "../observers/observer.js";
import type { Clock } from "../time/clock.js";
import type { RunOutcome } from "./run-request.js";

export interface Asked {
  readonly job: Job;
  readonly trigger: Run["trigger"];
}

/** Does the work and tells its end, also where it throws. Of what another process is doing, that process tells the end. */
export async function tellingEnd(
  { job, trigger }: Asked,
  observers: readonly Observer[],
  clock: Clock,
  work: () => Promise<RunOutcome>,
): Promise<RunOutcome> {
  const startedMs = clock.monotonicMs();
  const tell = (how: Pick<RunEnd, "runId" | "status" | "rows" | "changes" | "error">): void => {
    const end: RunEnd = {
      at: clock.now().toISOString(),
      job: job.name,
      interval: job.interval,
      ...(job.vars === undefined ? {} : { vars: job.vars }),
      trigger,
      target: targetOf(job.write),
      ...how,
      seconds: (clock.monotonicMs() - startedMs) / 1000,
    };
    tellAll(observers, (observer) => observer.ended?.(end));
  };
  try {
    const outcome = await work();
    const { run, status, rows, changes, error } = outcome;
    tell({
      runId: run?.id ?? null,
      status,
      rows,
      ...(changes === undefined ? {} : { changes }),
      error: error === null ? null : toErrorRecord(error),
    });
    return outcome;
  } catch (thrown) {
    const error = asNightshiftError(thrown);
    const status = error instanceof CancelledError ? "cancelled" : "failed";
    if (error.code !== "refused.owner-alive")
      tell({ runId: null, status, rows: noRows, error: toErrorRecord(error) });
    throw thrown;
  }
}

/** An observer that throws is the observer's problem: a run never fails for being watched. */
export function tellAll(observers: readonly Observer[], tell: (observer: Observer) => void): void {
  for (const observer of observers) {
    try {
      tell(observer);
    } catch {}
  }
}
