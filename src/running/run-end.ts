/** Reports to observers how a request to the runner ended. */

import { asNightshiftError, CancelledError, toErrorRecord } from "../errors.js";
import type { Job } from "../job/job.js";
import { targetOf } from "../job/output.js";
import { noRows } from "../job/partition.js";
import type { Run } from "../job/run.js";
import type { Observer, RunEnd } from "../observers/observer.js";
import type { Clock } from "../time/clock.js";
import type { RunOutcome } from "./run-request.js";

export interface Asked {
  readonly job: Job;
  readonly trigger: Run["trigger"];
}

export interface EndReporter {
  /** Reports how the request ended, and returns it. */
  readonly returned: (outcome: RunOutcome) => RunOutcome;
  /** Reports that the request failed, and returns the error. */
  readonly threw: (thrown: unknown) => unknown;
}

/** Reports the end of one request. The end of a run that another process executes is reported by that process. */
export function endReporter(
  { job, trigger }: Asked,
  observers: readonly Observer[],
  clock: Clock,
): EndReporter {
  const startedMs = clock.monotonicMs();
  const report = (how: Pick<RunEnd, "runId" | "status" | "rows" | "changes" | "error">): void => {
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
  return {
    returned(outcome) {
      const { run, status, rows, changes, error } = outcome;
      report({
        runId: run?.id ?? null,
        status,
        rows,
        ...(changes === undefined ? {} : { changes }),
        error: error === null ? null : toErrorRecord(error),
      });
      return outcome;
    },
    threw(thrown) {
      const error = asNightshiftError(thrown);
      const status = error instanceof CancelledError ? "cancelled" : "failed";
      if (error.code !== "refused.owner-alive")
        report({ runId: null, status, rows: noRows, error: toErrorRecord(error) });
      return thrown;
    },
  };
}

/** Errors of an observer are ignored: observation never fails a run. */
export function tellAll(observers: readonly Observer[], tell: (observer: Observer) => void): void {
  for (const observer of observers) {
    try {
      tell(observer);
    } catch {}
  }
}
