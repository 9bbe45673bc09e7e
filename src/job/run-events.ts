/** What happens to a run, as observers and the library's users see it. NDJSON lines are these objects. */
import type { ErrorRecord } from "../errors.js";
import type { Interval } from "./job.js";
import type { AttemptStats, PlanTotals, RowChanges, RowCounts, Step } from "./partition.js";
import type { Run } from "./run.js";

export type RunEvent = { readonly runId: string; readonly at: string } & RunEventBody;

/** Workers that take partitions of a run from a queue. */
export interface QueueWorkers {
  readonly count: number;
  readonly threads: number;
}

export type RunEventBody =
  | {
      readonly type: "run.started";
      readonly job: string;
      readonly trigger: Run["trigger"];
      readonly interval: Interval | null;
      readonly resumed: boolean;
    }
  | {
      readonly type: "run.planned";
      readonly totals: PlanTotals;
      /** Of the coordinator's worker host; it runs no partition where there are `workers`. */
      readonly threads: number;
      /** That take its partitions over a queue, when the run was planned; said by the coordinator, and not kept in ledgers. */
      readonly workers?: QueueWorkers;
      /** The execution provider that runs. */
      readonly provider: string;
      readonly found: readonly string[];
      readonly warnings: readonly string[];
      /** Sent by the coordinator, and not stored in ledgers. */
      readonly model?: PlannedModel;
      /** That planning took, likewise; absent where the plan was stored earlier. */
      readonly seconds?: number;
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
      readonly attemptId: string;
      readonly rows: RowCounts;
      readonly stats: AttemptStats;
    }
  /** Another attempt has the partition: this one did not begin, or its receipt was refused. */
  | {
      readonly type: "partition.fenced";
      readonly partition: number;
      readonly epoch: number;
      readonly attemptId: string;
      readonly refused: Refused;
    }
  | {
      readonly type: "partition.failed";
      readonly partition: number;
      readonly epoch: number;
      /** `null` where it never began. */
      readonly attemptId: string | null;
      readonly error: ErrorRecord;
      readonly next: "pending" | "failed" | "poisoned";
    }
  | {
      readonly type: "host.died";
      readonly reason: string;
      readonly cause: HostDeath;
      readonly partitions: readonly number[];
    }
  | ({ readonly type: "run.progress" } & Progress)
  | { readonly type: "run.publishing"; readonly rows: RowCounts }
  | {
      readonly type: "run.published";
      readonly publication: number;
      /** Of an upsert. Sent by the coordinator, and not stored in ledgers. */
      readonly changes?: RowChanges;
      readonly rows: RowCounts;
      readonly target: string;
      /** Rows whose label is clearly not the most probable class; sent by the coordinator, absent if there are none. */
      readonly contradictions?: number;
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

/** What was refused of an attempt that is not the partition's any more. */
export type Refused = "start" | "receipt" | "failure";

/** How a worker host died: killed for the memory that it held or past a deadline, by a signal, or by itself. */
export const hostDeaths = ["memory", "deadline", "signal", "exit"] as const;
export type HostDeath = (typeof hostDeaths)[number];

export interface PlannedModel {
  /** Name of its file. */
  readonly name: string;
  readonly sha256: string;
  /** Engine that runs it. */
  readonly engine: string;
}

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
