/**
 * The worker host: the supervised child process that reads data and runs models. Coordinators never open an
 * input or a model themselves, because even a file's footer can crash a process.
 */
import type { Schema } from "../data/column.js";
import type { ErrorRecord, JsonValue } from "../errors.js";
import type { FileSummary } from "../formats/format.js";
import type { InputSpec } from "../job/input.js";
import type { CheckSpec, Guessing, Job } from "../job/job.js";
import type { Partition, ProvenFile, Receipt, SliceProof, Step } from "../job/partition.js";
import type { PartitionTask, Plan, PlannedCheck } from "../job/plan.js";
import type { Mapping } from "../mapping/mapping.js";
import type { InspectedModel, ProviderTrial } from "../runtimes/model.js";

/** Calls by name: the request, the streamed items and the final result. All are small JSON values. */
export interface HostCalls {
  /** Resolves a job against its inputs and its model. Streams partitions in groups. */
  plan: { request: PlanCall; item: readonly Partition[]; result: Plan };
  /** Inspects one model. */
  "inspect-model": {
    request: { readonly path: string; readonly externalData: readonly string[] };
    item: never;
    result: InspectedModel;
  };
  /** Runs a small model on an execution provider. */
  "try-provider": { request: { readonly provider: string }; item: never; result: ProviderTrial };
  /** Inspects data files one by one; `full` decodes every column of every row group. */
  "inspect-data": {
    request: {
      readonly from: readonly string[];
      readonly full: boolean;
      /**
       * How files of a table format are treated: rejected, reported with the file, or read as plain files.
       */
      readonly tables: "refuse" | "tell" | "plain";
    };
    item: InspectedFile;
    result: null;
  };
  /** Returns the columns of a source and its approximate number of rows, without reading rows. */
  "inspect-input": { request: { readonly input: InputSpec }; item: never; result: InspectedInput };
  /** Scores the first rows. Writes nothing. */
  preview: {
    request: PreviewCall;
    item: never;
    result: Preview;
  };
  /** Scores one partition in a thread. */
  partition: { request: PartitionCall; item: PartitionProgress; result: Receipt };
  /**
   * Tries rows of a partition that may kill the host, in a thread. Writes nothing. The host dies if a row
   * kills it.
   */
  search: { request: SearchCall; item: PartitionProgress; result: SearchResult };
  /** Returns the first rows of data files as JSON-safe values, for `errors`, which shows quarantined rows. */
  "read-rows": {
    request: { readonly from: readonly string[]; readonly limit: number };
    item: never;
    result: RowsTable;
  };
  /** Compares slices that were read with the present content of their files: see `Source.prove`. */
  prove: { request: ProveCall; item: never; result: readonly ProvenFile[] };
  /** Joins staged files into one. Returns rows, bytes and digest of the new file, synced to disk. */
  join: {
    request: { readonly parts: readonly string[]; readonly to: string };
    item: never;
    result: JoinedFile;
  };
}

export interface PlanCall {
  readonly job: Job;
  readonly guess: Guessing;
  readonly cores: number;
  readonly memoryBytes: number;
  /**
   * Whether to load the model too, to check that it loads. A run does not need it: it loads the model anyway.
   */
  readonly tryLoad: boolean;
  /** Data for a trial of the model: `rows` of the input, unless the model killed its host on them. */
  readonly trial?: ModelTrial;
  /** The row that killed the host in the trial `each`. */
  readonly killer?: RowPlace;
}

/**
 * Rows of the input together, each of them alone, or a made-up row in which every number is one or zero and every text is
 * empty. In each trial but `rows`, rows of a `check` are scored one by one, so that a host that dies notes the row.
 */
export type ModelTrial = "rows" | "each" | MadeUpRow;

/** A row of an input, counted from 0 in its file. */
export interface RowPlace {
  readonly file: string;
  readonly row: number;
}

/** Notes that the model is called for this row alone. @returns a function to call when the model has returned */
export type NoteRow = (place: RowPlace) => () => void;
export type MadeUpRow = "ones" | "zeros";

export interface InspectedFile {
  readonly path: string;
  readonly bytes: number;
  readonly summary: FileSummary;
  /** Number of rows that decoding found, with `full`. */
  readonly decodedRows: number | null;
  /** The table that the file belongs to, if it was requested and detected. */
  readonly table: InspectedTable | null;
}

export interface InspectedTable {
  /** `delta`, `iceberg` and other table formats. */
  readonly format: string;
  /** Absolute. */
  readonly root: string;
  /** The consequence for the file's rows. */
  readonly message: string;
  /** How to read the table's live rows. */
  readonly hint: string;
}

export interface InspectedInput {
  readonly schema: Schema;
  /** Exact for files, estimated for a database. */
  readonly rows: number;
}

/** Rows as JSON-safe values in column order. */
export interface RowsTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly JsonValue[])[];
}

export interface PreviewCall {
  readonly job: Job;
  readonly guess: Guessing;
  readonly limit: number;
  /**
   * Compares the predictions of all rows with a file and returns no rows. `own`: the rows are those of the
   * file.
   */
  readonly expect?: CheckSpec & { readonly rows: "own" | "input" };
  /** `each`: the rows are scored one by one, after they killed a host together. */
  readonly trial?: "rows" | "each";
}

/** Comparison of predictions with those of a file. Row numbers are the file's. */
export interface Compared extends PlannedCheck {
  readonly file: string;
  /** Columns by which rows were matched; empty: rows were matched by position. */
  readonly key: readonly string[];
  /** Number of input rows that were scored. */
  readonly scored: number;
  /** Number of scored rows that have a row in the file. The others were not compared. */
  readonly compared: number;
  /** Number of rows of the file that the input does not have. */
  readonly absent: number;
  /** Number of rows that could not be scored, by reason. */
  readonly failed: { readonly [reason: string]: number };
}

export interface Preview extends RowsTable {
  readonly mapping: Mapping;
  /** Notes for the user about how it ran. */
  readonly notes: readonly string[];
  readonly compared?: Compared;
}

export interface PartitionCall {
  readonly task: PartitionTask;
  readonly attemptId: string;
  /** The partition runs alone: the host notes which rows are in a model call, in case they kill it. */
  readonly notesRows?: boolean;
  /** Digests of rows that kill a host. They fail without a model call. */
  readonly killers?: readonly string[];
}

export interface SearchCall {
  readonly task: PartitionTask;
  readonly attemptId: string;
  readonly search: RowSearch;
}

/** Findings from hosts that died on a partition's rows. Rows are counted from the partition's first row. */
export interface RowSearch {
  /** No row before this one kills a host, except for those in `killers`. */
  readonly fromRow: number;
  /**
   * The rows from `fromRow` up to this one (exclusive) killed a host together; `null`: the model is called
   * for whole batches.
   */
  readonly toRow: number | null;
  /** Digests of the rows that each killed a host alone. */
  readonly killers: readonly string[];
  /** A row to try first, because the model has not yet survived any row. */
  readonly madeUp: MadeUpRow | null;
}

/**
 * `searched`: no further row kills the host. `harmless`: no single row of `fromRow` to `toRow` kills it
 * alone.
 */
export type SearchResult = "searched" | "harmless";

/** Rows in a model call, counted from the partition's first row; an empty range for a made-up row. */
export interface RowsAtWork {
  readonly from: number;
  readonly to: number;
  /** Digest of the row, if it is the only one in the call. */
  readonly digest: string | null;
}

/** Makes a model call and notes its rows before and after it for the host's parent. */
export type NotingRows = <T>(rows: RowsAtWork, call: () => Promise<T>) => Promise<T>;

/** Slices of one partition, with a record of the data read from them. */
export interface ProveCall {
  readonly input: InputSpec;
  /** As in a read request: see `SourceReadRequest`. */
  readonly columns: readonly string[];
  readonly schema: Schema;
  readonly chunkRows: number;
  readonly slices: readonly SliceProof[];
}

export interface PartitionProgress {
  readonly rows: number;
  readonly quarantined: number;
  readonly step: Step | null;
}

export interface JoinedFile {
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

export type HostCallName = keyof HostCalls;

export interface CallOptions<N extends HostCallName> {
  /** Asks the host to stop at the next chunk boundary. */
  readonly signal?: AbortSignal;
  /**
   * The call is abandoned and the host is killed if the call has not ended this long after `signal`, because
   * a model may never return. While the host has other calls it is not killed; the call then waits until it
   * is the only one.
   */
  readonly stopMs?: number;
  /** The host is killed after this time, because a thread cannot be killed. */
  readonly deadlineMs?: number;
  /** Like `deadlineMs`, but the time restarts with each item. */
  readonly silenceMs?: number;
  readonly onItem?: (item: HostCalls[N]["item"]) => void;
}

/** The parent's side of one worker host. */
export interface WorkerHost {
  /**
   * @throws the host's own error, rebuilt; InfraError `infra.host-died` if the host died before it answered,
   * with the file that was being opened in `details.file` if known, and with the rows of a noted model call
   * in which it died by itself in `details.rowsAtWork`, or if it was killed for its memory use;
   * `infra.host-deadline` if it was killed for its time. Outside of partitions: DataError `data.kills-reader`
   * or ModelError `model.kills-host` if the open file or the active model caused the death.
   */
  call<N extends HostCallName>(
    name: N,
    request: HostCalls[N]["request"],
    options?: CallOptions<N>,
  ): Promise<HostCalls[N]["result"]>;
  /**
   * Limits the life of the process: it ends itself after this time, also while its parent is stopped or gone.
   * `null`: no limit. The last call counts.
   */
  liveFor(ms: number | null): void;
  /** Returns the resident memory of the process in bytes; `null` if it is unknown. */
  heldBytes(): number | null;
  /** Memory limit in bytes, above which the process is stopped; `null`: no limit. */
  readonly maxBytes: number | null;
  /** Whether no call waits for an answer, so that closing the host interrupts nothing. */
  isIdle(): boolean;
  /** Whether it is dead or being killed. It then accepts no more calls. */
  isGone(): boolean;
  /** Ends the process; resolves when it has exited. */
  close(): Promise<void>;
}

/** Messages from a host to its parent; the same shapes for every call. */
export type HostReply =
  | { readonly id: number; readonly type: "item"; readonly item: unknown }
  | { readonly id: number; readonly type: "result"; readonly result: unknown }
  | { readonly id: number; readonly type: "error"; readonly error: ErrorRecord };
