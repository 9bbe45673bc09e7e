import type { Chunk } from "../data/chunk.js";
import type { NullCount, PathTypes, Schema } from "../data/column.js";
import type { SpecError } from "../errors.js";
import type { Partition, ProvenFile, ReadSlice, SliceProof } from "../job/partition.js";
import type { Run } from "../job/run.js";
import type { Collected } from "../sinks/sink.js";
import type { StoredFile } from "../stores/store.js";

/**
 * Reads rows of an input. A source lives in the worker host, because opening an input can crash a process.
 */
export interface Source<Part extends Partition = Partition> {
  /**
   * Schema that all inputs agree on, path columns included. A column on which files do not agree has the kind `other`, with
   * the error for a job that reads it (DataError `source.schema-drift`).
   */
  schema(): Promise<Schema>;
  /**
   * Returns the null counts by column, from footers. Called after `schema`; absent if only reading the rows
   * would determine them.
   */
  nulls?(): Promise<ReadonlyMap<string, NullCount>>;
  /**
   * Streams the partitions. Called after `schema`, in the host, and before that once to read a hook's first
   * rows; memory use does not depend on the number of files.
   * @param request requirements of the run, so that sizes are estimated for the columns that are read
   */
  plan(request: PlanRequest, signal: AbortSignal): AsyncIterable<Part>;
  /**
   * Streams a partition's rows. Called in a thread; may be repeated. A changed input is a DataError
   * `source.changed`.
   */
  read(partition: Part, request: SourceReadRequest, signal: AbortSignal): AsyncIterable<Chunk>;
  /**
   * Compares slices that were read with the present state of their files, without decoding. Called in the
   * host before a run is published, if the ctime of such a file changed while the run read it; may be
   * repeated. Absent if partitions have no slices.
   * @throws DataError `source.changed` if a slice has other bytes now, or the file changed and the slice has
   * no digest
   */
  prove?(
    slices: readonly SliceProof[],
    request: SourceReadRequest,
    signal: AbortSignal,
  ): Promise<readonly ProvenFile[]>;
}

/**
 * Distinguishes files of a table format (Delta Lake, Iceberg and others) from plain files. Examines each
 * directory once.
 */
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
  /** Minimum number of partitions, if the row groups allow it. */
  readonly minPartitions: number;
  /** Types that features require of columns marked `fromPath`; absent: they are text. */
  readonly pathTypes?: PathTypes;
}

export interface SourceReadRequest {
  readonly columns: readonly string[];
  /** The result of `schema` when the run was planned: files with narrower types are converted to it. */
  readonly schema?: Schema;
  readonly chunkRows: number;
  /** Called with the number of bytes fetched since the last call. */
  readonly onBytes?: (bytes: number) => void;
  /** Called after each slice of a file, in the partition's order. */
  readonly onSlice?: (read: ReadSlice) => void;
  /**
   * Called once, after the last chunk, by a source whose plan only has estimates: the number of rows that the
   * database reports. Never the reader's own count.
   */
  readonly onRowsSent?: (rows: number) => void;
}

/**
 * The coordinator's half of an input that changes while a run reads it: it makes all partitions read one
 * state. Files do not need it, because they are pinned. A run with one partition reads a single state anyway.
 */
export interface InputKeeper {
  /** Whether the kept state outlives the process, so that another process can resume the run. */
  readonly isLasting: boolean;
  /**
   * Called once for a run, before its plan is saved. Removes the state kept for earlier generations of the
   * run.
   * @throws InfraError, SpecError if the state cannot be kept
   */
  keep(
    run: Run,
    planned: { readonly columns: readonly string[]; readonly partitions: readonly Partition[] },
  ): Promise<KeptInput>;
  /** Called when the run is published: removes what outlived its process. May be repeated. */
  forget(run: Run): Promise<void>;
  /**
   * Removes the state of runs that have ended without removing it, because their process died first.
   * @param over ended runs with inputs of this database
   */
  collect(over: readonly Run[], dryRun: boolean): Promise<Collected>;
}

export interface KeptInput {
  /** The same partitions with a reference to the state that they read. */
  readonly partitions: readonly Partition[];
  /**
   * Called when everything is read, and again when the process is done with the run, regardless of the
   * outcome. May be repeated.
   */
  release(): Promise<void>;
}
