/**
 * The coordinator's story: plan, claim, dispatch, follow the ledger, publish. It opens no data and no model; the worker
 * host does.
 */
import type { NightshiftError } from "./errors.js";
import type { Job } from "./job.js";
import type { Observer } from "./observer.js";
import type { AttemptStats, Partition, RowCounts } from "./partition.js";
import type { Plan } from "./plan.js";
import type { Run, RunState } from "./run.js";
import type { Publication } from "./sink.js";

/** A plan with its partitions: what `plan --out` writes and `run plan.json` takes. */
export interface PlannedJob {
  readonly plan: Plan;
  readonly partitions: readonly Partition[];
}

export interface RunRequest {
  readonly job: Job;
  /** Spec file, for people; `null` for `score` and the library. */
  readonly specPath: string | null;
  readonly trigger: "cli" | "library";
  /** Allow the last guess of `score`: exactly F numeric columns. */
  readonly guess: boolean;
  /** Score again what was published; the new publication supersedes it. */
  readonly reprocess: boolean;
  /** Drop an unfinished run of the same job and interval. */
  readonly restart: boolean;
  /** Claim a run whose owner is on another host. */
  readonly takeOver: boolean;
}

export interface RunOptions {
  readonly signal: AbortSignal;
  readonly observers: readonly Observer[];
}

export interface RunOutcome {
  readonly run: Run | null;
  readonly status: "published" | "already-published" | "skipped" | "failed" | "cancelled";
  readonly rows: RowCounts;
  readonly reasons: { readonly [code: string]: number };
  readonly stats: AttemptStats;
  readonly publication: number | null;
  readonly seconds: number;
  /** Why it failed or was cancelled. */
  readonly error: NightshiftError | null;
  readonly warning: string | null;
}

/** Where a job and interval stand before anything runs. */
export interface Standing {
  /** The run that `run` would resume or refuse over; `null` when there is none. */
  readonly unfinished: RunState | null;
  /** The live publication, asked of the sink. */
  readonly published: Publication | null;
}

export interface Runner {
  /** Plans without running anything. Reads footers and the model only. */
  plan(request: Pick<RunRequest, "job" | "guess">, signal: AbortSignal): Promise<PlannedJob>;
  /** What `run` would find: nothing is created or claimed. */
  standing(request: Pick<RunRequest, "job" | "specPath" | "trigger">, plan: Plan): Promise<Standing>;
  /** Plans, then creates or resumes the run, and publishes it. */
  run(request: RunRequest, options: RunOptions): Promise<RunOutcome>;
  /** Runs a plan made earlier. */
  runPlan(
    planned: PlannedJob,
    request: Omit<RunRequest, "job" | "guess">,
    options: RunOptions,
  ): Promise<RunOutcome>;
  /** Does only what is unfinished, by the stored plan. */
  retry(runId: string, options: RunOptions & { readonly takeOver: boolean }): Promise<RunOutcome>;
}
