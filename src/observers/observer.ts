import type { ErrorRecord } from "../errors.js";
import type { Interval, Job } from "../job/job.js";
import type { RowChanges, RowCounts } from "../job/partition.js";
import type { Run } from "../job/run.js";
import type { RunEvent, RunEventBody } from "../job/run-events.js";

/** Watches runs: progress bars, logs, metrics, notifications. May be slow or broken without harming a run. */
export interface Observer {
  on(event: RunEvent): void;
  /** Once for whatever was asked of a runner, however it ended: also where it never came to a run. */
  ended?(end: RunEnd): void;
  close?(): void | Promise<void>;
}

/** Tells one run's observers what happens to it. */
export type Emit = (event: RunEventBody) => void;

export interface RunEnd {
  /** ISO 8601. */
  readonly at: string;
  readonly job: string;
  readonly interval: Interval | null;
  /** Values of the job's variables. */
  readonly vars?: Job["vars"];
  readonly trigger: Run["trigger"];
  /** Where its predictions go, for people. */
  readonly target: string;
  /** `null` where it ended before there was a run: its input was not there, say. */
  readonly runId: string | null;
  readonly status: "published" | "already-published" | "skipped" | "failed" | "cancelled";
  /** Of the run so far, those of earlier processes included. */
  readonly rows: RowCounts;
  /** What an upsert did to its table. */
  readonly changes?: RowChanges;
  readonly seconds: number;
  readonly error: ErrorRecord | null;
}
