/** A job: a named spec with its templates expanded for one interval. Paths are absolute. */
import type { TensorType } from "../data/tensor.js";
import type { TimePart } from "../mapping/mapping.js";
import { type InputSpec, inputKind } from "./input.js";
import type { WriteSpec } from "./output.js";
import type { EngineName } from "./profile.js";

export interface Job {
  readonly name: string;
  readonly model: ModelSpec;
  readonly input: InputSpec;
  /** `null`: derived from the signature and the columns. */
  readonly features: FeatureMapping | null;
  readonly outputs: { readonly [output: string]: OutputMapping };
  readonly passthrough: Passthrough;
  readonly hooks: HookFiles;
  /** Rows with the training library's own predictions, which a run must reproduce before it is planned. */
  readonly check?: CheckSpec;
  readonly write: WriteSpec;
  readonly interval: Interval | null;
  /** Values that were given to this run and differ from the defaults; part of the run's identity. */
  readonly vars?: { readonly [name: string]: string | number | boolean };
  readonly limits: Limits;
  readonly rowPolicy: RowPolicy;
  /**
   * The author declares that rows influence one another's predictions, and fixes the batch:
   * `limits.batchRows`.
   */
  readonly rows?: "dependent";
  /** `auto`: the fastest engine that supports the model. */
  readonly engine: "auto" | EngineName;
  /** In order of preference; the first one that works on this machine is used. */
  readonly providers: readonly string[];
  /** Tag of the workers that can run it, over a queue; absent: `cpu`. */
  readonly runsOn?: string;
}

export interface CheckSpec {
  /** A Parquet file, absolute: the columns that feed the model, and predictions named like the output's columns. */
  readonly file: string;
  /** A number may differ by this times max(1, |expected|). */
  readonly tolerance: number;
}

/** Errors of float32 exports are an order of magnitude below it. */
export const usualTolerance = 1e-5;

export interface ModelSpec {
  readonly path: string;
  /** Absolute paths of files that the model may load tensors from. Other files are refused. */
  readonly externalData: readonly string[];
}

/** Absolute paths of hook sources; `null` if there is none. */
export interface HookFiles {
  readonly pre: string | null;
  readonly post: string | null;
}

/** Whether planning also runs the author's code, which may never return. */
export function runsHooks({ hooks }: Pick<Job, "hooks">): boolean {
  return hooks.pre !== null || hooks.post !== null;
}

/**
 * Whether the same job may find other rows when it runs again, without a way to detect it beforehand: a
 * database without intervals. Its publication is then replaced by the present rows, unless the job forbids
 * it.
 */
export function isLive({ input, interval, write }: Pick<Job, "input" | "interval" | "write">): boolean {
  return !inputKind(input).pinsFiles && interval === null && write.mode !== "error";
}

/**
 * `inputs`: by model input, as in a spec. `list`: feature columns in order for the model's single input
 * (`score --features`).
 */
export interface FeatureMapping {
  readonly inputs?: { readonly [input: string]: InputMapping };
  readonly list?: readonly string[];
  /** What nulls become if no other rule applies (`score --nulls`). */
  readonly nulls?: NullAnswers;
}

/** As written on a command line: a text that is not a rule is a value of the input's own type. */
export interface NullAnswers {
  /** For all feature columns; absent: the default of each. */
  readonly all?: string;
  readonly columns: { readonly [column: string]: string };
}

/**
 * Whether the features of a model's single unnamed input may be guessed: exactly as many numeric columns as
 * it takes, or the only list. `true`: the user accepted the guess; `"offer"`: no, but the user of this
 * command may accept it; `false`: never, in a job.
 */
export type Guessing = boolean | "offer";

export type NullRule = "nan" | "error" | "reject" | number | string | boolean;

/** Rules that apply to one column, or to all columns of an input. */
export interface ColumnRules {
  readonly nulls?: NullRule;
  readonly cast?: "lossy";
  /** What values are converted to before they go into the tensor. */
  readonly dtype?: TensorType;
}

/** Numbers for the values of a column. `file` is absolute; a value that it lacks becomes `unknown`. */
export interface CategorySpec {
  readonly file: string;
  readonly unknown?: number;
}

export interface ColumnMapping extends ColumnRules {
  readonly column: string;
  readonly part?: TimePart;
  readonly timezone?: string;
  readonly map?: CategorySpec;
}

export interface ListMapping extends ColumnRules {
  readonly list: string;
  readonly dim?: number;
  /** Number of values in a row; shorter lists are padded at the end. */
  readonly padTo?: number;
  readonly padWith?: number | string;
  /** Which end of a longer list is kept. */
  readonly keep?: "first" | "last";
  /** Another input, filled with 1 for each value of a row and 0 for padding. */
  readonly mask?: string;
  readonly map?: CategorySpec;
}

export type InputMapping =
  | (ColumnRules & { readonly kind: "stack"; readonly stack: readonly ColumnMapping[] })
  | (ColumnMapping & { readonly kind: "column" })
  | (ListMapping & { readonly kind: "list" })
  /** The same value in every position of every row. */
  | { readonly kind: "constant"; readonly value: number | string | boolean };

export interface OutputMapping {
  /** Name of the single column that this output becomes. */
  readonly column?: string;
  /** Class label (or element index, if the output has no labels) by column name. */
  readonly columns?: { readonly [column: string]: string };
  /** Other names for classes: all of them in order, or by the model's own label. */
  readonly labels?: readonly string[] | { readonly [label: string]: string };
  /** Name of a column for the label of the most probable class. */
  readonly argmax?: string;
  /** By name of a column that shows whether a class (or the single element) reaches `at`. */
  readonly threshold?: { readonly [column: string]: ThresholdSpec };
  readonly topK?: TopKSpec;
}

export interface ThresholdSpec {
  readonly label?: string;
  readonly at: number;
}

export interface TopKSpec {
  readonly k: number;
  /** Adds each element's position in the list, from 1. */
  readonly rank: boolean;
  /** Names of the elements; `file` is absolute. */
  readonly ids?: { readonly file: string; readonly column?: string };
  /** A list column of ids that are excluded for a row. */
  readonly exclude?: string;
}

/** Input columns to keep besides the key. `rest`: every column that is not a feature. */
export type Passthrough =
  | { readonly kind: "columns"; readonly columns: readonly string[] }
  | { readonly kind: "rest" }
  | { readonly kind: "all" }
  | { readonly kind: "none" };

/** The data interval that a run is for: instants in ISO 8601, `end` exclusive. */
export interface Interval {
  readonly start: string;
  readonly end: string;
  /** `start` as a calendar date in the job's zone. */
  readonly ds: string;
}

export interface Limits {
  readonly threads: number | "auto";
  readonly partitionRows: number | "auto";
  /** Rows of one model call; absent: 1,024. */
  readonly batchRows?: number;
  readonly maxAttempts: number;
  readonly partitionTimeoutMs: number;
  /**
   * Maximum decoded bytes in all threads together; if exceeded, the number of threads is reduced, then the
   * run is refused.
   */
  readonly memoryBytes: number | "auto";
}

export interface RowPolicy {
  readonly onRowError: "fail" | "quarantine" | "emit_null";
  readonly maxErrorRows: number | null;
  readonly maxErrorFraction: number | null;
}
