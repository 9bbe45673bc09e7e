/** Partitions are the unit of retry; an attempt is one try at one; a receipt is the result of an attempt. */
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
   * Like `mtimeNs`, for the ctime, which a program cannot set. A file with only another ctime may be
   * unchanged (`chmod`, a hard link): the bytes that were read are compared before publishing. Not part of
   * the fingerprint; absent in plans of earlier versions.
   */
  readonly ctimeNs?: string;
  /** SHA-256 of the footer's bytes. */
  readonly footerSha256: string;
  readonly rows: number;
  /**
   * Columns from the path (`dt=2026-01-15`), decoded and in their types. `null`: Hive's default partition.
   */
  readonly pathValues: { readonly [column: string]: string | number | boolean | null };
  /**
   * Types that cannot be derived from the values; otherwise a number is an `int64`, a boolean a `bool`, a
   * string or `null` a `string`.
   */
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

/**
 * Part of an input that is read at once. Other properties belong to the kind of the job's input, which alone
 * reads them.
 */
export interface Partition {
  /** Position in the plan; output order is partition order. */
  readonly index: number;
  /** Exact, or an estimate that is only 0 if there are certainly no rows: see `InputKind.hasExactRows`. */
  readonly rows: number;
  /** Estimated decoded bytes of the columns that are read, of the whole partition. */
  readonly bytes: number;
  /** Estimate of what a thread must hold at once to read its largest row group, beyond what the process takes itself. */
  readonly peakBytes: number;
}

/** The only data that a queue or a dispatcher transports. */
export interface PartitionRef {
  readonly runId: string;
  readonly partition: number;
  /** Fencing token of the partition: increases with every lease, never decreases. */
  readonly epoch: number;
}

/** A durable file of an attempt. Readers cannot reach it until the sink's record names it. */
export interface StagedFile {
  /** Relative to the sink's staging area. */
  readonly path: string;
  /** Values of the `partition_by` columns, in their order; they are in the path, not in the file. */
  readonly partitionValues: readonly string[];
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Rows that an attempt left in a database under its own id: in a logged staging table that readers do not
 * see.
 */
export interface StagedRows {
  /** Quoted for SQL. */
  readonly table: string;
  /**
   * Number of rows, counted by the database after they were written. If a list is exploded, one prediction is
   * several rows.
   */
  readonly rows: number;
}

/** Row counts of one attempt, each from a source independent of the plan. */
export interface RowCounts {
  /** Rows that the reader returned. */
  readonly read: number;
  /** Rows counted again in the staged data: in footers, or by the database. */
  readonly predicted: number;
  /** Rows counted again in the staged quarantine. */
  readonly quarantined: number;
  /** Rows that a `post` hook dropped. */
  readonly filtered: number;
}

/** Seconds spent in each step of the loop, and bytes moved. */
export interface AttemptStats {
  readonly seconds: { readonly [step in Step]: number };
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Predicted rows with a NaN among the predictions; absent: none, or not counted. */
  readonly nanRows?: number;
  /** Time for loading the model, if this attempt was the first of its thread to need it. */
  readonly modelLoadSeconds?: number;
  /** Rows whose label is clearly not the most probable class; absent if there are none. */
  readonly contradictions?: number;
}

export type Step = "read" | "hook" | "bind" | "predict" | "attach" | "write" | "stage";

/** What an attempt recorded of a slice of a file, to prove that all slices of the file are from one state. */
export interface ReadSlice {
  /** Digest of the encoded bytes that were decoded, with its algorithm: `crc32:09af31c2`. */
  readonly digest: string;
  /** After the slice was read, the file's ctime differed from the plan's. */
  readonly moved?: true;
}

/** A slice and the digest of the bytes that it was read from; `null` in receipts of earlier versions. */
export interface SliceProof {
  readonly slice: FileSlice;
  readonly digest: string | null;
}

/** The state of a file in which the given slices have the bytes that they were read from. */
export interface ProvenFile {
  readonly path: string;
  readonly ctimeNs: string;
}

/** What an attempt made durable. It belongs to the sink that staged it; ledgers keep it as it is. */
export type StagedOutput = StagedInFiles | StagedInTable;

export interface StagedInFiles {
  readonly files: readonly StagedFile[];
  readonly quarantine: readonly StagedFile[];
  readonly staged?: undefined;
}

export interface StagedInTable {
  /** Always empty: earlier versions look for files in every receipt. */
  readonly files: readonly [];
  /** Quarantined rows that are files beside the table. */
  readonly quarantine: readonly StagedFile[];
  readonly staged: StagedRows;
}

/** Returns only what a receipt keeps of staged output. */
export function stagedOutput({ files, quarantine, staged }: StagedOutput): StagedOutput {
  return staged === undefined ? { files, quarantine } : { files: [], quarantine, staged };
}

export type Receipt = StagedOutput & ReceiptOfAny;

/** What a receipt holds, however its output was staged. */
interface ReceiptOfAny {
  readonly ref: PartitionRef;
  readonly attemptId: string;
  /**
   * Number of rows according to the database, if the plan only has an estimate for the partition. The
   * reader's count is in `rows.read`.
   */
  readonly rowsSent?: number;
  /**
   * One for each slice of the partition, in order; absent for a database, and in receipts of earlier
   * versions.
   */
  readonly slices?: readonly ReadSlice[];
  readonly rows: RowCounts;
  /** Quarantined and nulled rows by reason code. */
  readonly reasons: { readonly [code: string]: number };
  readonly stats: AttemptStats;
}

export type PartitionStatus = "pending" | "leased" | "running" | "accepted" | "failed" | "poisoned";

/** State of a partition in the ledger. */
export interface PartitionState {
  readonly index: number;
  readonly status: PartitionStatus;
  readonly epoch: number;
  /** The attempt that was started in this epoch, if it may still be accepted or was accepted; else `null`. */
  readonly attemptId: string | null;
  /**
   * Number of attempts that failed by the partition's own fault. Draining, fencing and crashes of others do
   * not count.
   */
  readonly attempts: number;
  /** Deaths of a worker host that ran this partition alone. */
  readonly soloDeaths: number;
  /** Number of leases in a row that expired without a report. Absent if there are no leases. */
  readonly expiries?: number;
  readonly rows: number;
  readonly receipt: Receipt | null;
  readonly lastError: ErrorRecord | null;
}

/** Why an attempt ended without a receipt, and how it counts. */
export interface AttemptFailure {
  readonly attemptId: string;
  readonly error: ErrorRecord;
  /**
   * `fault`: the partition's own, counted against `max_attempts`. `host-death`: its host died while other
   * partitions ran there, not counted. `solo-death`: its host died while it ran alone. `released`: drained or
   * cancelled.
   */
  readonly cost: "fault" | "host-death" | "solo-death" | "released";
  /** The partition's next status; decided by the runner, in one place. */
  readonly next: "pending" | "failed" | "poisoned";
}

/** Totals of a plan. */
export interface PlanTotals {
  readonly files: number;
  readonly partitions: number;
  readonly rows: number;
  /** `rows` is an estimate: the exact number is known after all partitions were read. */
  readonly rowsEstimated?: true;
  readonly bytes: number;
}

/**
 * Returns the number of input rows from a source independent of the reader: the plan's footers, or the sum of
 * the database's counts. `null` if a receipt does not contain it.
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

/** Changes that an upsert made to the rows of its table, as counted by the publishing transaction. */
export interface RowChanges {
  readonly inserted: number;
  /** Replaced by key, with at least one changed value. */
  readonly updated: number;
  /**
   * Replaced by key with equal values: only the version advances. Absent in publications of older versions.
   */
  readonly unchanged?: number;
  /** Rows of the run that are older than the existing rows and therefore not visible. */
  readonly older: number;
  /** Rows missing from the input, with `on_missing: delete`. */
  readonly deleted: number;
}

/**
 * Returns the number of the run's rows that became visible: all predicted ones, unless an upsert found newer
 * ones.
 */
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
