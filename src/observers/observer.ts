import type { ErrorRecord } from "../errors.js";
import type { Interval, Job } from "../job/job.js";
import type { RowChanges, RowCounts } from "../job/partition.js";
import type { Run } from "../job/run.js";
import type { RunEvent, RunEventBody } from "../job/run-events.js";

/**
 * Observes runs: progress bars, logs, metrics, notifications. It may be slow or fail without harm to a run.
 */
export interface Observer {
  on(event: RunEvent): void;
  /** Called once per request, regardless of the outcome, even if no run was created. */
  ended?(end: RunEnd): void;
  close?(): void | Promise<void>;
}

/** Passes an event to one run's observers. */
export type Emit = (event: RunEventBody) => void;

export interface RunEnd {
  /** ISO 8601. */
  readonly at: string;
  readonly job: string;
  readonly interval: Interval | null;
  /** Values of the job's variables. */
  readonly vars?: Job["vars"];
  readonly trigger: Run["trigger"];
  /** Where its predictions are written, for display. */
  readonly target: string;
  /** `null` if it ended before a run was created, for example because its input was missing. */
  readonly runId: string | null;
  readonly status: "published" | "already-published" | "skipped" | "failed" | "cancelled";
  /** Rows of the run so far, including those of earlier processes. */
  readonly rows: RowCounts;
  /** Changes that an upsert made to its table. */
  readonly changes?: RowChanges;
  readonly seconds: number;
  readonly error: ErrorRecord | null;
}
