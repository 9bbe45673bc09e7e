/** What the methods of an open Nightshift take and return. */
import type { Job } from "../job/job.js";
import type { Lane } from "../job/lane.js";
import type { IntervalEnd } from "../service/backfill.js";
import type { Note } from "../service/context.js";
import type { Decision, Reprocess } from "../service/decide-intervals.js";

export interface OpenOptions {
  /** Directory of the project: names of jobs and relative paths start here; by default the current one. */
  readonly project?: string;
  /** Where progress is kept; as `--state`. */
  readonly stateDir?: string;
  /** URL of a database that keeps it instead; as `--ledger`. */
  readonly ledger?: string;
  /** URL of a queue that brings partitions to workers; as `--queue`. */
  readonly queue?: string;
  /** Target of `nightshift.yaml`; as `--target`. */
  readonly target?: string;
  /** Runs at a time, 1 by default; they share the cores. More runs wait for a slot. */
  readonly maxParallel?: number;
  /** Receives warnings; without it they are dropped. */
  readonly onNote?: (note: Note) => void;
}

/** Which interval of a job, and with which variables. */
export interface MomentOptions {
  /** A date or an instant in the interval; by default the latest complete one. As `--at`. */
  readonly at?: string;
  /** Values of `{{ var.name }}`. As `--var`. */
  readonly vars?: { readonly [name: string]: string | number | boolean };
}

export interface StopOptions {
  /** Stops between chunks. What was accepted is kept, and the next run of the same job resumes. */
  readonly signal?: AbortSignal;
}

export interface RunOptions extends MomentOptions, StopOptions {
  /** Scores again what is published. */
  readonly reprocess?: boolean;
  /** Drops an unfinished run of the same output or interval. */
  readonly restart?: boolean;
  /** Claims a run of a process on another host; only if that process is dead. */
  readonly takeOver?: boolean;
  /** How long to wait for input that has not arrived, in milliseconds; by default as the job says. */
  readonly waitForMs?: number;
  /** Queue priority of its partitions. */
  readonly lane?: Lane;
}

export interface RetryOptions extends StopOptions {
  readonly takeOver?: boolean;
  readonly lane?: Lane;
}

export interface PreviewOptions extends MomentOptions {
  /** Rows to score, 10 by default. */
  readonly limit?: number;
}

export interface BackfillOptions extends StopOptions {
  /** A date or an instant in the first interval. */
  readonly from: string;
  /** A date or an instant in the last interval, which is included. */
  readonly to: string;
  readonly vars?: MomentOptions["vars"];
  /** Which intervals run: `missing` by default. */
  readonly reprocess?: Reprocess;
  /** Intervals at a time, 1 by default; they share the cores. */
  readonly maxParallel?: number;
  readonly maxFailures?: number;
  readonly newestFirst?: boolean;
  /** Only decides. */
  readonly dryRun?: boolean;
  readonly restart?: boolean;
  readonly takeOver?: boolean;
  readonly waitForMs?: number;
}

export type BackfillEvent =
  | { readonly type: "backfill.decided"; readonly decisions: readonly Decision[] }
  | { readonly type: "interval.ended"; readonly end: IntervalEnd };

export interface BackfillOutcome {
  readonly job: string;
  readonly decisions: readonly Decision[];
  /** One for each interval that was started, in the order of their ends. */
  readonly ends: readonly IntervalEnd[];
  /** The job was cancelled meanwhile. */
  readonly isCancelled: boolean;
  readonly seconds: number;
}

export interface CancelOptions {
  readonly takeOver?: boolean;
  /** How long an owner that is alive may take to stop, in milliseconds; by default a minute. */
  readonly waitMs?: number;
  /** Stops waiting. The request stands. */
  readonly signal?: AbortSignal;
}

export interface ServeOptions extends StopOptions {
  /** Folder of the specs; by default `jobs/` of the project. */
  readonly jobs?: string;
  /** Runs at a time, 1 by default; they share the cores. */
  readonly maxParallel?: number;
  /** Address of the HTTP interface; by default `none`. */
  readonly listen?: string;
  /** File with the token of the HTTP interface; by default the token is NIGHTSHIFT_API_TOKEN. */
  readonly tokenFile?: string;
  /** How long runs may take to end after the signal, in milliseconds; by default 20 seconds. */
  readonly drainMs?: number;
}

export interface WorkerOptions extends StopOptions {
  /** Partitions at a time; by default one a core. */
  readonly threads?: number;
  /** Tags of the worker: it does the jobs whose `runs_on` is one of them. */
  readonly tags?: readonly string[];
  readonly lanes?: readonly Lane[];
  /** Lease duration in milliseconds, 30 seconds by default: a worker that does not renew within it loses the partition. */
  readonly leaseMs?: number;
  /** How long partitions may take to end after the signal, in milliseconds; 30 seconds by default. */
  readonly graceMs?: number;
}

/** Name or spec file of a job, or a job that `defineJob` returned. */
export type JobName = string | Job;
