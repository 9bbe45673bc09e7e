/** Partitions are the unit of retry; an attempt is one try at one; a receipt is what an attempt hands back. */
import type { PathTypes } from "../data/column.js";
import type { ErrorRecord } from "../errors.js";

/** A file as it was when the plan was made. A file that differs when it is read is `source.changed`. */
export interface PinnedFile {
  /** Absolute, symlinks resolved. */
  readonly path: string;
  readonly size: number;
  readonly inode: string;
  /** Nanoseconds since the epoch, as a decimal string. */
  readonly mtimeNs: string;
  /**
   * The same of ctime, which no program can set. A file whose ctime alone changed may be the same (`chmod`, a hard link):
   * the bytes that were read are compared before publishing. Not part of the fingerprint; absent in plans of earlier versions.
   */
  readonly ctimeNs?: string;
  /** SHA-256 of the footer's bytes. */
  readonly footerSha256: string;
  readonly rows: number;
  /** Columns that the path carries (`dt=2026-01-15`), decoded and in their types. `null`: Hive's default partition. */
  readonly pathValues: { readonly [column: string]: string | number | boolean | null };
  /** Types that the values do not tell; else a number is an `int64`, a boolean a `bool`, a string or `null` a `string`. */
  readonly pathTypes?: PathTypes;
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

/** What is read of an input at once. What else it holds belongs to the kind of the job's input, which alone reads it. */
export interface Partition {
  /** Position in the plan; output order is partition order. */
  readonly index: number;
  /** Exact, or an estimate that is 0 only where it is known that there is none: see `InputKind.hasExactRows`. */
  readonly rows: number;
  /** Estimated decoded bytes of the columns that are read, of the whole partition. */
  readonly bytes: number;
  /** Estimate of what a thread must hold at once to read its largest row group, beyond what the process takes itself. */
  readonly peakBytes: number;
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

/** What an attempt left in a database, under its own id: in a logged staging table that readers know nothing of. */
export interface StagedRows {
  /** Quoted for SQL. */
  readonly table: string;
  /** Rows in it, counted by the database once they were there. One prediction is several rows where a list is exploded. */
  readonly rows: number;
}

/** Counts of one attempt, each taken by a different hand than the plan's. */
export interface RowCounts {
  /** Rows that the reader handed out. */
  readonly read: number;
  /** Rows counted again in what was staged: in footers, or by the database. */
  readonly predicted: number;
  /** Rows counted again in the staged quarantine, likewise. */
  readonly quarantined: number;
  /** Rows that a `post` hook dropped. */
  readonly filtered: number;
}

/** Seconds spent in each step of the loop, and bytes moved. */
export interface AttemptStats {
  readonly seconds: { readonly [step in Step]: number };
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Rows that were predicted, with a NaN among the predictions; absent: none, or not counted. */
  readonly nanRows?: number;
  /** That loading the model took, where this attempt was the first of its thread to need it. */
  readonly modelLoadSeconds?: number;
  /** Rows whose label is clearly not the most probable class; absent where there are none. */
  readonly contradictions?: number;
}

export type Step = "read" | "hook" | "bind" | "predict" | "attach" | "write" | "stage";

/** What an attempt saw of a slice of a file, so that all slices of the file can be shown to be of one state. */
export interface ReadSlice {
  /** Digest of the encoded bytes that were decoded, with its algorithm: `crc32:09af31c2`. */
  readonly digest: string;
  /** Once the slice was read, the file's ctime was no longer the plan's. */
  readonly moved?: true;
}

/** A slice and the digest of the bytes that it was read from; `null` in receipts of earlier versions. */
export interface SliceProof {
  readonly slice: FileSlice;
  readonly digest: string | null;
}

/** The state of a file in which the slices that were asked for have the bytes that they were read from. */
export interface ProvenFile {
  readonly path: string;
  readonly ctimeNs: string;
}

export interface Receipt {
  readonly ref: PartitionRef;
  readonly attemptId: string;
  readonly files: readonly StagedFile[];
  readonly quarantine: readonly StagedFile[];
  /** For a database, in place of files. */
  readonly staged?: StagedRows;
  /**
   * Rows in by the database's own count, where the plan has only an estimate of the partition: what COPY said it sent. The
   * reader's count is in `rows.read`.
   */
  readonly rowsSent?: number;
  /** One for each slice of the partition, in their order; absent for a database, and in receipts of earlier versions. */
  readonly slices?: readonly ReadSlice[];
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
  /** Leases that ran out in a row: nobody heard what became of their attempts. Absent where there are no leases. */
  readonly expiries?: number;
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
  /** `rows` is an estimate: the exact number is known when all partitions were read. */
  readonly rowsEstimated?: true;
  readonly bytes: number;
}

/**
 * Rows in, by a hand that is not the reader's: the plan's footers, or the sum of what the database said it sent.
 * `null` where not every receipt tells.
 */
export function rowsIn(totals: PlanTotals, receipts: readonly Pick<Receipt, "rowsSent">[]): number | null {
  if (totals.rowsEstimated !== true) return totals.rows;
  let sum = 0;
  for (const { rowsSent } of receipts) {
    if (rowsSent === undefined) return null;
    sum += rowsSent;
  }
  return sum;
}

/** What an upsert did to the rows of its table, as the publishing transaction counted them. */
export interface RowChanges {
  readonly inserted: number;
  /** Replaced by key, at least one value by another. */
  readonly updated: number;
  /** Replaced by key by equal values: nothing but the version advances. Absent in publications of older versions. */
  readonly unchanged?: number;
  /** Rows of the run that are older than what is there: nothing of them is visible. */
  readonly older: number;
  /** Rows that the input lacks, with `on_missing: delete`. */
  readonly deleted: number;
}

/** Returns how many rows of the run became visible: all that are predicted, unless an upsert found newer ones. */
export function writtenRows({ predicted }: Pick<RowCounts, "predicted">, changes?: RowChanges): number {
  if (changes === undefined) return predicted;
  return changes.inserted + changes.updated + (changes.unchanged ?? 0);
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
