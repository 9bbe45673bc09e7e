import type { Chunk } from "../data/chunk.js";
import type { NullCount, PathTypes, Schema } from "../data/column.js";
import type { SpecError } from "../errors.js";
import type { Partition, ProvenFile, ReadSlice, SliceProof } from "../job/partition.js";
import type { Run } from "../job/run.js";
import type { Collected } from "../sinks/sink.js";
import type { StoredFile } from "../stores/store.js";

/** Where rows come from. Lives in the worker host: opening input can kill a process. */
export interface Source<Part extends Partition = Partition> {
  /**
   * Schema that all inputs agree on, path columns included. A column on which files do not agree has the kind `other`, with
   * the error for a job that reads it (DataError `source.schema-drift`).
   */
  schema(): Promise<Schema>;
  /** Nulls by column, as footers count them. Called after `schema`; absent where only reading the rows would tell. */
  nulls?(): Promise<ReadonlyMap<string, NullCount>>;
  /**
   * Streams the partitions. Called after `schema`, in the host, and first for a look at a hook's first rows; bounded
   * memory however many files there are.
   * @param request what the run needs, so that sizes are estimated over the columns that are read.
   */
  plan(request: PlanRequest, signal: AbortSignal): AsyncIterable<Part>;
  /** Streams a partition's rows. Called in a thread; may be repeated. A changed input is a DataError `source.changed`. */
  read(partition: Part, request: SourceReadRequest, signal: AbortSignal): AsyncIterable<Chunk>;
  /**
   * Compares slices that were read with their files as they are now, decoding nothing. Called in the host before a run is
   * published, if the ctime of such a file moved while the run read it; may be repeated. Absent where partitions have no
   * slices.
   * @throws DataError `source.changed` if a slice has other bytes now, or the file moved and the slice has no digest
   */
  prove?(
    slices: readonly SliceProof[],
    request: SourceReadRequest,
    signal: AbortSignal,
  ): Promise<readonly ProvenFile[]>;
}

/** Tells files of a table format (Delta Lake, Iceberg and others) from plain files. Looks at each directory once. */
export interface TableDetector {
  /**
   * The refusal `source.table-format` of a file whose rows only the metadata of its table can tell to be live; its details
   * have `file`, `format`, `root` and `marker`. `null` for a plain file.
   */
  refusal(file: StoredFile): Promise<SpecError | null>;
}

export interface PlanRequest {
  readonly columns: readonly string[];
  readonly partitionRows: number | "auto";
  /** At least this many partitions where row groups allow it. */
  readonly minPartitions: number;
  /** Types that features ask of columns marked `fromPath`; absent: they are text. */
  readonly pathTypes?: PathTypes;
}

export interface SourceReadRequest {
  readonly columns: readonly string[];
  /** What `schema` returned when the run was planned: files whose own types are narrower are read with its types. */
  readonly schema?: Schema;
  readonly chunkRows: number;
  /** Called with the bytes fetched since the last call. */
  readonly onBytes?: (bytes: number) => void;
  /** Called after each slice of a file, in the partition's order. */
  readonly onSlice?: (read: ReadSlice) => void;
  /**
   * Called once, after the last chunk, by a source whose plan has estimates only: rows that the database says it sent.
   * Never the reader's own count.
   */
  readonly onRowsSent?: (rows: number) => void;
}

/**
 * The coordinator's side of an input that changes while a run reads it, so that all partitions see one state of it. Files
 * need none: they are pinned, and read as they were. A run of one partition sees one state by itself.
 */
export interface InputKeeper {
  /** Whether what is kept outlives the process: then another one can go on with the run. */
  readonly isLasting: boolean;
  /**
   * Called once for a run, before its plan is saved. What was made for earlier generations of the run is removed.
   * @throws InfraError, SpecError where the input cannot be kept
   */
  keep(
    run: Run,
    planned: { readonly columns: readonly string[]; readonly partitions: readonly Partition[] },
  ): Promise<KeptInput>;
  /** Called when the run is published: removes what outlived its process. May be repeated. */
  forget(run: Run): Promise<void>;
  /**
   * Removes what was kept for runs that are over and forgot nothing: their process died first.
   * @param over of inputs of this database
   */
  collect(over: readonly Run[], dryRun: boolean): Promise<Collected>;
}

export interface KeptInput {
  /** The same ones, and they say which state they read. */
  readonly partitions: readonly Partition[];
  /** Called when all is read, and again when the process is done with the run, however that ended. May be repeated. */
  release(): Promise<void>;
}
