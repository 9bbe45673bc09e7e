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
 * whatever is neither publishing nor published may be dropped.
 */
export type RunStatus =
  | "created"
  | "planned"
  | "running"
  | "publishing"
  | "published"
  | "failed"
  | "cancelled"
  | "dropped";

export interface Run {
  readonly id: string;
  readonly key: RunKey;
  readonly jobName: string;
  /** Spec file that it came from, so that `retry` can say what it repeats; `null` for `score` and the library. */
  readonly specPath: string | null;
  /** Output, for people. */
  readonly target: string;
  readonly trigger: "cli" | "library" | "backfill" | "schedule" | "api";
  /** Where its partitions wait, unless whoever goes on with it says otherwise; none: where most do. */
  readonly lane?: Lane;
  /** What it was asked for by, where whoever asked wants to be able to ask again; see {@link RequestMark}. */
  readonly request?: RequestMark;
  readonly interval: Interval | null;
  /** The job as requested, so that a run that died before its plan was saved can be planned again. */
  readonly job: Job;
  /** The user accepted a guess of the features. */
  readonly guess: boolean;
  readonly createdAt: string;
}

/** Tells one request from another: the same key with another digest is a mistake of whoever asks. */
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
  /** `null` where nobody holds the run: it was given back, or its owner's lease ran out. */
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
  /** Start time of the process as the kernel tells it: a pid alone may have been given to somebody else. */
  readonly processStart: string;
  readonly bootId: string;
  readonly host: string;
}

/** Proof that this coordinator owns the run; everything it writes carries the epoch. */
export interface Claim {
  readonly runId: string;
  readonly coordinatorEpoch: number;
}
