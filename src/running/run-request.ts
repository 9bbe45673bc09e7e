/** Requests to a runner, and their outcomes. */
import type { NightshiftError } from "../errors.js";
import type { Guessing, Job } from "../job/job.js";
import type { Lane } from "../job/lane.js";
import type { AttemptStats, Partition, RowChanges, RowCounts } from "../job/partition.js";
import type { Plan } from "../job/plan.js";
import type { RequestMark, Run } from "../job/run.js";
import type { Observer } from "../observers/observer.js";

/** A plan with its partitions: the content of `plan --out`, which `run plan.json` reads. */
export interface PlannedJob {
  readonly plan: Plan;
  readonly partitions: readonly Partition[];
}

export interface RunRequest {
  readonly job: Job;
  /** Origin of the job; the identity of `score` is its output alone. */
  readonly kind: "spec" | "score";
  /** Spec file for display; `null` for `score` and the library. */
  readonly specPath: string | null;
  readonly trigger: Run["trigger"];
  readonly guess: Guessing;
  /** Score a published run again; the new publication supersedes it. */
  readonly reprocess: boolean;
  /** Drop an unfinished run of the same job and interval. */
  readonly restart: boolean;
  /** Claim a run whose owner is on another host. */
  readonly takeOver: boolean;
  readonly mark?: RequestMark;
  /** For a run that is recorded now and begins later, maybe in another process. */
  readonly lane?: Lane;
}

export type PlanRequest = Pick<RunRequest, "job" | "guess"> & { readonly tryLoad?: boolean };

export interface RunOptions {
  readonly signal: AbortSignal;
  readonly observers: readonly Observer[];
  /** Priority of its partitions in the queue; by default `scheduled`. */
  readonly lane?: Lane;
}

export interface RunOutcome {
  readonly run: Run | null;
  readonly status: "published" | "already-published" | "skipped" | "failed" | "cancelled";
  readonly rows: RowCounts;
  readonly reasons: { readonly [code: string]: number };
  readonly stats: AttemptStats;
  /** The execution provider that it ran on; `null` if nothing was planned. */
  readonly provider: string | null;
  readonly publication: number | null;
  /** Changes that an upsert made to its table. */
  readonly changes?: RowChanges;
  readonly seconds: number;
  /** Why it failed or was cancelled. */
  readonly error: NightshiftError | null;
  readonly warning: string | null;
}
