/** A run: one job over one data interval; its identity, its states, and what the ledger tells about it. */
import type { ErrorRecord } from "../errors.js";
import type { Interval, Job } from "./job.js";
import type { Lane } from "./lane.js";
import type { AttemptStats, PlanTotals, RowCounts } from "./partition.js";

/**
 * `jobId` includes the target, so that the same spec against another output is another job. `scope` is the interval's
 * start, or the fingerprint for a job without intervals. Reprocessing and restarting make `generation` + 1.
 */
export interface RunKey {
  readonly jobId: string;
  readonly scope: string;
  readonly generation: number;
}

/**
 * ```
 * created -> planned -> running -> publishing -> published
 *    |          |          |            `-> failed (abort won)
 *    `----------`----------`-> failed | cancelled
 * ```
 * A failed or cancelled run keeps its accepted partitions: `retry` claims it again and goes on. `dropped` is for good:
 * a run that is neither publishing nor published may be dropped.
 */
export type RunStatus = (typeof runStatuses)[number];

/** Statuses before publication begins. */
export const openStatuses = ["created", "planned", "running"] as const;

/** Open statuses in which the run has a plan, so that its partitions may be leased. */
export const leasableStatuses = ["planned", "running"] as const;

/** Statuses of a run that has not ended: a coordinator works on it, or it waits for one. */
export const activeStatuses = [...openStatuses, "publishing"] as const;

/** Statuses of a run that ended and that a retry may claim again. */
export const resumableStatuses = ["failed", "cancelled"] as const;

/** Statuses of a run that no coordinator may claim again. */
export const finalStatuses = ["published", "dropped"] as const;

/** Every status, in the order in which a run reaches them. */
export const runStatuses = [...activeStatuses, "published", ...resumableStatuses, "dropped"] as const;

type WithStatus = Pick<RunState, "status">;

/** Returns whether publication has not begun and the run has not ended. */
export function isOpen({ status }: WithStatus): boolean {
  return includes(openStatuses, status);
}

/** Returns whether partitions of the run may be leased. */
export function isLeasable({ status }: WithStatus): boolean {
  return includes(leasableStatuses, status);
}

/** Returns whether the run has not ended. It may be interrupted: then no coordinator works on it. */
export function isActive({ status }: WithStatus): boolean {
  return includes(activeStatuses, status);
}

/** Returns whether nothing changes the run any more, unless a coordinator claims it again. */
export function hasEnded(state: WithStatus): boolean {
  return !isActive(state);
}

/** Returns whether the run ended without a publication and may be claimed again. */
export function isResumable({ status }: WithStatus): boolean {
  return includes(resumableStatuses, status);
}

/** Returns whether the run can never be claimed again. */
export function isFinal({ status }: WithStatus): boolean {
  return includes(finalStatuses, status);
}

function includes(statuses: readonly RunStatus[], status: RunStatus): boolean {
  return statuses.includes(status);
}

export interface Run {
  readonly id: string;
  readonly key: RunKey;
  readonly jobName: string;
  /** Spec file that it came from, so that `retry` can say what it repeats; `null` for `score` and the library. */
  readonly specPath: string | null;
  /** Output, for people. */
  readonly target: string;
  readonly trigger: "cli" | "library" | "backfill" | "schedule" | "api";
  /** Queue priority of its partitions, unless the command that resumes it names another; absent: the default. */
  readonly lane?: Lane;
  /** Idempotency key of the request that created the run, if it had one; see {@link RequestMark}. */
  readonly request?: RequestMark;
  readonly interval: Interval | null;
  /** The job as requested, so that a run that died before its plan was saved can be planned again. */
  readonly job: Job;
  /** The user accepted a guess of the features. */
  readonly guess: boolean;
  readonly createdAt: string;
}

/** Identifies a request: the same key with another digest is a mistake of the client. */
export interface RequestMark {
  readonly key: string;
  readonly digest: string;
}

/** A run with where it stands: folded from the ledger's records. */
export interface RunState {
  readonly run: Run;
  readonly status: RunStatus;
  readonly fingerprint: string | null;
  readonly totals: PlanTotals | null;
  /** The execution provider that it runs on, once planned. */
  readonly provider: string | null;
  /** Over accepted partitions. */
  readonly accepted: { readonly partitions: number; readonly rows: RowCounts };
  readonly reasons: { readonly [code: string]: number };
  readonly stats: AttemptStats;
  readonly error: ErrorRecord | null;
  /** Sequence number of the publication, once published. */
  readonly publication: number | null;
  /** `null` if no process owns the run: it was released, or its owner's lease expired. */
  readonly owner: Owner | null;
  readonly startedAt: string;
  readonly updatedAt: string;
}

/** How old a job's predictions are. */
export interface JobFreshness {
  readonly job: string;
  /** When a run of it was last published; ISO 8601, as is the next. */
  readonly lastSuccess: string;
  /** End of the newest interval that is published; of a job without intervals, when it was last published. */
  readonly freshSince: string;
}

/** Which process owns a run; enough to tell whether it still lives. */
export interface Owner {
  readonly pid: number;
  /** Start time of the process as the kernel reports it: the kernel may have given the pid to another process. */
  readonly processStart: string;
  readonly bootId: string;
  readonly host: string;
}

/** Proof that this coordinator owns the run; everything it writes carries the epoch. */
export interface Claim {
  readonly runId: string;
  readonly coordinatorEpoch: number;
}
