/**
 * The worker host: the supervised child process that touches data. Coordinators never open an input or a model
 * themselves, since a footer can kill a process too.
 */
import type { Schema } from "../data/column.js";
import type { ErrorRecord, JsonValue } from "../errors.js";
import type { FileSummary } from "../formats/format.js";
import type { CheckSpec, Guessing, InputSpec, Job } from "../job/job.js";
import type { Partition, ProvenFile, Receipt, SliceProof, Step } from "../job/partition.js";
import type { PartitionTask, Plan, PlannedCheck } from "../job/plan.js";
import type { Mapping } from "../mapping/mapping.js";
import type { InspectedModel, ProviderTrial } from "../runtimes/model.js";

/** Requests by name: what is sent, what streams back, and what ends it. Everything is small JSON. */
export interface HostCalls {
  /** Resolves a job against its inputs and its model. Streams partitions in groups. */
  plan: { request: PlanCall; item: readonly Partition[]; result: Plan };
  /** Inspects one model. */
  "inspect-model": {
    request: { readonly path: string; readonly externalData: readonly string[] };
    item: never;
    result: InspectedModel;
  };
  /** Runs something small on an execution provider. */
  "try-provider": { request: { readonly provider: string }; item: never; result: ProviderTrial };
  /** Inspects data files one by one; `full` decodes every column of every row group. */
  "inspect-data": {
    request: {
      readonly from: readonly string[];
      readonly full: boolean;
      /** What is done with files of a table format: refused, told with the file, or read as plain ones. */
      readonly tables: "refuse" | "tell" | "plain";
    };
    item: InspectedFile;
    result: null;
  };
  /** Asks a source for its columns and about how many rows it has. Reads none. */
  "inspect-input": { request: { readonly input: InputSpec }; item: never; result: InspectedInput };
  /** Scores the first rows. Nothing is written. */
  preview: {
    request: PreviewCall;
    item: never;
    result: Preview;
  };
  /** Does one partition in a thread of its own. */
  partition: { request: PartitionCall; item: PartitionProgress; result: Receipt };
  /** Tries rows of a partition that may kill the host, in a thread. Writes nothing; dies of a row that does. */
  search: { request: SearchCall; item: PartitionProgress; result: SearchResult };
  /** The first rows of data files, as JSON-safe values; for `errors`, which shows quarantined rows. */
  "read-rows": {
    request: { readonly from: readonly string[]; readonly limit: number };
    item: never;
    result: RowsTable;
  };
  /** Compares slices that were read with their files as they are now: see `Source.prove`. */
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
  /** Load the model too, to see whether a thread could; a run finds that out soon enough. */
  readonly tryLoad: boolean;
  /** What the model is tried on: `rows` of the input, unless it killed its host on them. */
  readonly trial?: ModelTrial;
}

/** Rows of the input, or a row in which every number is one or zero and every text is empty. */
export type ModelTrial = "rows" | MadeUpRow;
export type MadeUpRow = "ones" | "zeros";

export interface InspectedFile {
  readonly path: string;
  readonly bytes: number;
  readonly summary: FileSummary;
  /** Rows that decoding found, with `full`. */
  readonly decodedRows: number | null;
  /** The table that the file belongs to, where it is told. */
  readonly table: InspectedTable | null;
}

export interface InspectedTable {
  /** `delta`, `iceberg` and the like. */
  readonly format: string;
  /** Absolute. */
  readonly root: string;
  /** What this means for the file's rows. */
  readonly message: string;
  /** How to read the table's live rows. */
  readonly hint: string;
}

export interface InspectedInput {
  readonly schema: Schema;
  /** Exact for files, an estimate for a database. */
  readonly rows: number;
}

/** Rows as JSON-safe values, by column order. */
export interface RowsTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly JsonValue[])[];
}

export interface PreviewCall {
  readonly job: Job;
  readonly guess: Guessing;
  readonly limit: number;
  /** Compare predictions of all rows with a file, and show none. `own`: the rows are those of the file. */
  readonly expect?: CheckSpec & { readonly rows: "own" | "input" };
}

/** Predictions beside those of a file. Numbers of rows are the file's. */
export interface Compared extends PlannedCheck {
  readonly file: string;
  /** By which rows were found in the file; empty: by their order. */
  readonly key: readonly string[];
  /** Rows of the input that were scored. */
  readonly scored: number;
  /** Those of them that the file has a row for; the others were compared with nothing. */
  readonly compared: number;
  /** Rows of the file that the input does not have. */
  readonly absent: number;
  /** Rows that could not be scored, by reason. */
  readonly failed: { readonly [reason: string]: number };
}

export interface Preview extends RowsTable {
  readonly mapping: Mapping;
  /** What people should know of how it ran. */
  readonly notes: readonly string[];
  readonly compared?: Compared;
}

export interface PartitionCall {
  readonly task: PartitionTask;
  readonly attemptId: string;
  /** The partition runs alone: the host notes which rows are in a model call, in case that it dies of them. */
  readonly notesRows?: boolean;
  /** Digests of rows that kill a host: they fail without a model call. */
  readonly killers?: readonly string[];
}

export interface SearchCall {
  readonly task: PartitionTask;
  readonly attemptId: string;
  readonly search: RowSearch;
}

/** What hosts that died of a partition's rows have shown. Rows are counted from the partition's first. */
export interface RowSearch {
  /** No row before this one kills a host, except for `killers`. */
  readonly fromRow: number;
  /** Rows from `fromRow` to before this one killed a host together; `null`: the model is called for whole batches. */
  readonly toRow: number | null;
  /** Digests of the rows that killed a host alone. */
  readonly killers: readonly string[];
  /** The model is first tried on this row: it has not survived any row yet. */
  readonly madeUp: MadeUpRow | null;
}

/** `searched`: no further row kills the host. `harmless`: no row of `fromRow` to `toRow` does so alone. */
export type SearchResult = "searched" | "harmless";

/** Rows in a model call, counted from the partition's first; none for a made-up row. */
export interface RowsAtWork {
  readonly from: number;
  readonly to: number;
  /** Digest of the only row, while one is tried alone. */
  readonly digest: string | null;
}

/** Makes a model call, and notes its rows before and after for the parent of the host. */
export type NotingRows = <T>(rows: RowsAtWork, call: () => Promise<T>) => Promise<T>;

/** Slices of one partition, and what of them was read. */
export interface ProveCall {
  readonly input: InputSpec;
  /** As for reading: see `SourceReadRequest`. */
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
  /** Asks the host to stop between chunks. */
  readonly signal?: AbortSignal;
  /**
   * A call that has not ended this long after `signal` is given up, and the host is killed: a model may never return.
   * While the host does other calls, too, it is left alive, and the call waits until it is alone.
   */
  readonly stopMs?: number;
  /** Past it the host is killed: a thread cannot be. */
  readonly deadlineMs?: number;
  /** As `deadlineMs`, counted anew from each item. */
  readonly silenceMs?: number;
  readonly onItem?: (item: HostCalls[N]["item"]) => void;
}

/** The parent's side of one worker host. */
export interface WorkerHost {
  /**
   * @throws the host's own error, rebuilt; InfraError `infra.host-died` when it died before it answered, with the file
   * that was being opened in `details.file` where known and the rows of a noted model call that it died in by itself in
   * `details.rowsAtWork`, or when it was killed for its memory; `infra.host-deadline` when
   * it was killed for time. Outside of partitions: DataError `data.kills-reader`, ModelError `model.kills-host` where
   * what was open, or at work, is to blame.
   */
  call<N extends HostCallName>(
    name: N,
    request: HostCalls[N]["request"],
    options?: CallOptions<N>,
  ): Promise<HostCalls[N]["result"]>;
  /**
   * The process ends itself when this time is over, also while its parent is stopped or gone; `null`: it lives on. The
   * last call counts.
   */
  liveFor(ms: number | null): void;
  /** Resident memory of the process in bytes; `null` where that is not known. */
  heldBytes(): number | null;
  /** The process is stopped once it holds more than this; `null`: it is not. */
  readonly maxBytes: number | null;
  /** No call waits for an answer: it can be closed without harm to anybody. */
  isIdle(): boolean;
  /** Dead or being killed; it takes no more calls. */
  isGone(): boolean;
  /** Ends the process; resolves when it is gone. */
  close(): Promise<void>;
}

/** How a host answers across its channel; one shape for every call. */
export type HostReply =
  | { readonly id: number; readonly type: "item"; readonly item: unknown }
  | { readonly id: number; readonly type: "result"; readonly result: unknown }
  | { readonly id: number; readonly type: "error"; readonly error: ErrorRecord };
