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
  /** `null`: inferred from the signature and the columns. */
  readonly features: FeatureMapping | null;
  readonly outputs: { readonly [output: string]: OutputMapping };
  readonly passthrough: Passthrough;
  readonly hooks: HookFiles;
  /** Rows with the training library's own predictions, which a run must reproduce before it is planned. */
  readonly check?: CheckSpec;
  readonly write: WriteSpec;
  readonly interval: Interval | null;
  /** Values that were given to this run of the job and are not its usual ones; part of what the run is. */
  readonly vars?: { readonly [name: string]: string | number | boolean };
  readonly limits: Limits;
  readonly rowPolicy: RowPolicy;
  /** The author knows that rows change one another's predictions, and fixes the batch: `limits.batchRows`. */
  readonly rows?: "dependent";
  /** `auto`: the fastest one that runs the model. */
  readonly engine: "auto" | EngineName;
  /** In order of preference; the first one that this machine has is used. */
  readonly providers: readonly string[];
  /** Tag of the workers that can do it, over a queue; absent: `cpu`. */
  readonly runsOn?: string;
}

export interface CheckSpec {
  /** A Parquet file, absolute: the columns that feed the model, and predictions named like the output's columns. */
  readonly file: string;
  /** A number may differ by this times max(1, |expected|). */
  readonly tolerance: number;
}

/** Exports of float32 models stay an order of magnitude below it. */
export const usualTolerance = 1e-5;

export interface ModelSpec {
  readonly path: string;
  /** Files that the model may load tensors from, absolute. Anything not listed is refused. */
  readonly externalData: readonly string[];
}

/** Sources of the author's own functions, absolute; `null` where there is none. */
export interface HookFiles {
  readonly pre: string | null;
  readonly post: string | null;
}

/** Then planning runs the author's code as well, which may never return. */
export function runsHooks({ hooks }: Pick<Job, "hooks">): boolean {
  return hooks.pre !== null || hooks.post !== null;
}

/**
 * Whether the same job finds other rows when it runs again, and nothing tells beforehand: a database without intervals. What
 * is published is then replaced by what is there now, unless the job says that nothing is to be.
 */
export function isLive({ input, interval, write }: Pick<Job, "input" | "interval" | "write">): boolean {
  return !inputKind(input).pinsFiles && interval === null && write.mode !== "error";
}

/**
 * `inputs`: by model input, as in a spec. `list`: feature columns in order for the one input there is
 * (`score --features`).
 */
export interface FeatureMapping {
  readonly inputs?: { readonly [input: string]: InputMapping };
  readonly list?: readonly string[];
  /** What nulls become where nothing else says so (`score --nulls`). */
  readonly nulls?: NullAnswers;
}

/** As written on a command line: a text is a value of the input's own type where it is no rule. */
export interface NullAnswers {
  /** Of all feature columns; absent: what is usual for each. */
  readonly all?: string;
  readonly columns: { readonly [column: string]: string };
}

/**
 * May the features of a model's one unnamed input be guessed: exactly as many numeric columns as it takes, or the only list?
 * `true`: the user accepted the guess; `"offer"`: no, but the user of this command may accept it; `false`: never, in a job.
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

/** Numbers for the values of a column. `file` is absolute; a value that it does not have becomes `unknown`. */
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
  /** Values a row; shorter lists are filled up behind. */
  readonly padTo?: number;
  readonly padWith?: number | string;
  /** Which end of a longer list is kept. */
  readonly keep?: "first" | "last";
  /** Another input, filled with 1 where a row has a value and 0 behind. */
  readonly mask?: string;
  readonly map?: CategorySpec;
}

export type InputMapping =
  | (ColumnRules & { readonly kind: "stack"; readonly stack: readonly ColumnMapping[] })
  | (ColumnMapping & { readonly kind: "column" })
  | (ListMapping & { readonly kind: "list" })
  /** The same value in every place of every row. */
  | { readonly kind: "constant"; readonly value: number | string | boolean };

export interface OutputMapping {
  /** Name of the one column that this output becomes. */
  readonly column?: string;
  /** Class label (or element index, where the output has no labels) by column name. */
  readonly columns?: { readonly [column: string]: string };
  /** Other names for classes: all of them in order, or by the model's own label. */
  readonly labels?: readonly string[] | { readonly [label: string]: string };
  /** Name of a column for the label of the most probable class. */
  readonly argmax?: string;
  /** By name of a column that tells whether a class (or the one element there is) reaches `at`. */
  readonly threshold?: { readonly [column: string]: ThresholdSpec };
  readonly topK?: TopKSpec;
}

export interface ThresholdSpec {
  readonly label?: string;
  readonly at: number;
}

export interface TopKSpec {
  readonly k: number;
  /** Adds each element's place in the list, from 1. */
  readonly rank: boolean;
  /** What names the elements; `file` is absolute. */
  readonly ids?: { readonly file: string; readonly column?: string };
  /** A list column of ids that a row does not want. */
  readonly exclude?: string;
}

/** What is kept of the input besides the key. `rest`: every column that is not a feature. */
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
  /** Decoded bytes that all threads together may hold; beyond it threads are lowered, then the run is refused. */
  readonly memoryBytes: number | "auto";
}

export interface RowPolicy {
  readonly onRowError: "fail" | "quarantine" | "emit_null";
  readonly maxErrorRows: number | null;
  readonly maxErrorFraction: number | null;
}
