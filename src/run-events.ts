/** What happens to a run, as observers and the library's users see it. NDJSON lines are these objects. */
import type { ErrorRecord } from "./errors.js";
import type { PlanTotals, RowCounts, Step } from "./partition.js";

export type RunEvent = { readonly runId: string; readonly at: string } & RunEventBody;

export type RunEventBody =
  | { readonly type: "run.started"; readonly job: string; readonly resumed: boolean }
  | {
      readonly type: "run.planned";
      readonly totals: PlanTotals;
      readonly threads: number;
      /** The execution provider that runs. */
      readonly provider: string;
      readonly found: readonly string[];
      readonly warnings: readonly string[];
    }
  | {
      readonly type: "partition.started";
      readonly partition: number;
      readonly epoch: number;
      readonly attemptId: string;
    }
  | {
      readonly type: "partition.accepted";
      readonly partition: number;
      readonly epoch: number;
      readonly rows: RowCounts;
    }
  | { readonly type: "partition.fenced"; readonly partition: number; readonly epoch: number }
  | {
      readonly type: "partition.failed";
      readonly partition: number;
      readonly epoch: number;
      readonly error: ErrorRecord;
      readonly next: "pending" | "failed" | "poisoned";
    }
  | { readonly type: "host.died"; readonly reason: string; readonly partitions: readonly number[] }
  | ({ readonly type: "run.progress" } & Progress)
  | { readonly type: "run.publishing"; readonly rows: RowCounts }
  | {
      readonly type: "run.published";
      readonly publication: number;
      readonly rows: RowCounts;
      readonly target: string;
    }
  | {
      readonly type: "run.already-published";
      readonly publication: number;
      readonly target: string;
      readonly warning: string | null;
    }
  /** What it read is gone: the run is given up, and `by`, its next generation, reads everything anew. */
  | {
      readonly type: "run.superseded";
      readonly by: string;
      readonly reason: string;
      /** Accepted ones that are dropped. */
      readonly partitions: number;
    }
  | { readonly type: "run.failed"; readonly error: ErrorRecord }
  | { readonly type: "run.cancelled" };

/** Ephemeral: never in the ledger. */
export interface Progress {
  readonly rowsDone: number;
  readonly rowsTotal: number;
  readonly quarantined: number;
  readonly partitionsDone: number;
  readonly partitionsTotal: number;
  readonly rowsPerSecond: number;
  readonly secondsLeft: number | null;
  /** The step that most of the threads' time goes to. */
  readonly limitingStep: Step | null;
}
