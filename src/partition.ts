/** Partitions are the unit of retry; an attempt is one try at one; a receipt is what an attempt hands back. */
import type { ErrorRecord } from "./errors.js";

/** A file as it was when the plan was made. A file that differs when it is read is `source.changed`. */
export interface PinnedFile {
  /** Absolute, symlinks resolved. */
  readonly path: string;
  readonly size: number;
  readonly inode: string;
  /** Nanoseconds since the epoch, as a decimal string. Never ctime: hard links change that one. */
  readonly mtimeNs: string;
  /** SHA-256 of the footer's bytes. */
  readonly footerSha256: string;
  readonly rows: number;
  /**
   * Columns that the path carries (`dt=2026-01-15`), decoded. A number is an `int64`, a string or `null` (Hive's default
   * partition) a `utf8`: the type was decided over all files, so that a thread need not list them again.
   */
  readonly pathValues: { readonly [column: string]: string | number | null };
}

/** Consecutive row groups of one file. */
export interface FileSlice {
  readonly file: PinnedFile;
  /** End-exclusive range of row groups. */
  readonly rowGroupStart: number;
  readonly rowGroupEnd: number;
  /** Zero-based number of the slice's first row in the file. */
  readonly firstRow: number;
  readonly rows: number;
}

export interface Partition {
  /** Position in the plan; output order is partition order. */
  readonly index: number;
  /** Exact, from footers. */
  readonly rows: number;
  /** Estimated decoded bytes of the columns that are read, of the whole partition. */
  readonly bytes: number;
  /** Estimate of what a thread must hold at once to read its largest row group, beyond what the process takes itself. */
  readonly peakBytes: number;
  readonly slices: readonly FileSlice[];
}

/** All that a queue or a dispatcher ever carries. */
export interface PartitionRef {
  readonly runId: string;
  readonly partition: number;
  /** Fencing token of the partition: grows at every lease, never falls. */
  readonly epoch: number;
}

/** A file that an attempt made durable. Unreachable for readers until the sink's record names it. */
export interface StagedFile {
  /** Relative to the sink's staging area. */
  readonly path: string;
  /** Values of the `partition_by` columns, in their order; they are in the path, not in the file. */
  readonly partitionValues: readonly string[];
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** Counts of one attempt, each taken by a different hand than the plan's. */
export interface RowCounts {
  /** Rows that the reader handed out. */
  readonly read: number;
  /** Rows counted again in the footers of the staged output. */
  readonly predicted: number;
  /** Rows counted again in the footers of the staged quarantine. */
  readonly quarantined: number;
  /** Rows that a `post` hook dropped. */
  readonly filtered: number;
}

/** Seconds spent in each step of the loop, and bytes moved. */
export interface AttemptStats {
  readonly seconds: { readonly [step in Step]: number };
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

export type Step = "read" | "hook" | "bind" | "predict" | "attach" | "write" | "stage";

export interface Receipt {
  readonly ref: PartitionRef;
  readonly attemptId: string;
  readonly files: readonly StagedFile[];
  readonly quarantine: readonly StagedFile[];
  readonly rows: RowCounts;
  /** Quarantined and nulled rows by reason code. */
  readonly reasons: { readonly [code: string]: number };
  readonly stats: AttemptStats;
}

export type PartitionStatus = "pending" | "leased" | "running" | "accepted" | "failed" | "poisoned";

/** Where a partition stands, as the ledger tells it. */
export interface PartitionState {
  readonly index: number;
  readonly status: PartitionStatus;
  readonly epoch: number;
  /** The attempt that was started at this epoch, while it may still be accepted or once it was; else `null`. */
  readonly attemptId: string | null;
  /** Attempts that were the partition's own fault. Draining, fencing and others' crashes use none up. */
  readonly attempts: number;
  /** Deaths of a worker host that ran this partition alone. */
  readonly soloDeaths: number;
  readonly rows: number;
  readonly receipt: Receipt | null;
  readonly lastError: ErrorRecord | null;
}

/** Why an attempt ended without a receipt, and what it costs. */
export interface AttemptFailure {
  readonly attemptId: string;
  readonly error: ErrorRecord;
  /**
   * `fault`: the partition's own, counted against `max_attempts`. `host-death`: its host died while others ran there,
   * counted nowhere. `solo-death`: its host died while it ran alone. `released`: drained or cancelled.
   */
  readonly cost: "fault" | "host-death" | "solo-death" | "released";
  /** Where the partition goes now; decided by the runner, in one place. */
  readonly next: "pending" | "failed" | "poisoned";
}

/** What a plan adds up to. */
export interface PlanTotals {
  readonly files: number;
  readonly partitions: number;
  readonly rows: number;
  readonly bytes: number;
}

export const noRows: RowCounts = { read: 0, predicted: 0, quarantined: 0, filtered: 0 };

export const noStats: AttemptStats = {
  seconds: { read: 0, hook: 0, bind: 0, predict: 0, attach: 0, write: 0, stage: 0 },
  bytesRead: 0,
  bytesWritten: 0,
};

export function sumRows(counts: readonly RowCounts[]): RowCounts {
  const sum = { ...noRows };
  for (const rows of counts) {
    for (const side of ["read", "predicted", "quarantined", "filtered"] as const) sum[side] += rows[side];
  }
  return sum;
}
