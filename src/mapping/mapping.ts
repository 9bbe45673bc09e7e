/**
 * The mapping as resolved when a run is planned: which column feeds which element of which tensor, and which element
 * of which output becomes which column. It is data; `scoring/` carries it out.
 */
import type { Column, ColumnType } from "../data/column.js";
import type { TensorType } from "../data/tensor.js";
import type { JsonValue } from "../errors.js";

/** What a null becomes. `error`: the row fails under the job's row policy; `reject`: it is always quarantined. */
export type NullPolicy = "nan" | "error" | "reject" | { readonly value: number | string | boolean };

/** Calendar fields of a timestamp or date, as numbers. `dow`: Monday is 0. */
export type TimePart =
  | "year"
  | "quarter"
  | "month"
  | "week"
  | "day"
  | "doy"
  | "dow"
  | "hour"
  | "minute"
  | "second";

/** Numbers for the values of a column, as a file lists them. */
export interface CategoryMap {
  /** Absolute; one of the plan's assets. */
  readonly file: string;
  /** The number of a value that the file does not have. `null`: its row fails. */
  readonly unknown: number | null;
}

/** One column, read and converted to one number or string a row. */
export interface BoundColumn {
  /** As the job writes it: `origin`, or `user.age` for a field of a struct. */
  readonly column: string;
  /** The input's column, then the fields down to the value. */
  readonly path: readonly string[];
  /** Of the value at the end of the path. */
  readonly type: ColumnType;
  readonly nulls: NullPolicy;
  readonly part: TimePart | null;
  /** IANA zone that `part` is taken in, or an offset such as `-03:00`. */
  readonly timezone: string;
  /** A conversion that may lose digits was asked for. */
  readonly lossy: boolean;
  /** What values are converted to before they go into the tensor; `null`: into its type at once. */
  readonly dtype: TensorType | null;
  readonly map: CategoryMap | null;
}

/** How lists of any length become rows of one. */
export interface Padding {
  /** Which end of a longer list is kept; `null`: its row fails. */
  readonly keep: "first" | "last" | null;
  /** Fills what a shorter list leaves, behind its values. */
  readonly value: number | string;
}

/**
 * How one model input is filled. `rowShape` is the shape behind the batch dimension; its product is the number of values
 * a row. It is `null` only in a mapping that is not settled: a list column of unknown length feeds a free dimension.
 */
export type InputBinding = {
  readonly input: string;
  readonly type: TensorType;
  readonly rowShape: readonly number[] | null;
} & (
  | { readonly kind: "columns"; readonly columns: readonly BoundColumn[] }
  | { readonly kind: "list"; readonly column: BoundColumn; readonly padding: Padding | null }
  /** 1 for every place that a value of the list takes in another input, 0 for the padding behind. */
  | { readonly kind: "mask"; readonly column: BoundColumn }
  /** The same value everywhere, for inputs that no data is behind (`token_type_ids`). */
  | { readonly kind: "constant"; readonly value: number | string | boolean }
);

/** A class as the model or the job calls it. */
export type ClassLabel = string | number;

/** A file whose values name the elements of an output, in their order. */
export interface IdFile {
  /** Absolute; one of the plan's assets. */
  readonly file: string;
  /** `null`: the file holds one column. */
  readonly column: string | null;
}

/**
 * How one model output becomes columns. `rowShape` is the shape behind the batch dimension, `null` only in a mapping
 * that is not settled: the signature leaves it open and nothing was predicted yet.
 */
export type OutputBinding = {
  readonly output: string;
  readonly type: TensorType;
  readonly rowShape: readonly number[] | null;
  /** Outputs with the scores that a label was decided by: where one of a row's is NaN, its label is null. */
  readonly certainBy?: readonly string[];
} /** One scalar column. */ & (
  | { readonly kind: "scalar"; readonly column: string }
  /** One column an element: `index` along the flattened row. */
  | {
      readonly kind: "elements";
      readonly columns: readonly { readonly column: string; readonly index: number }[];
    }
  /** One fixed-size list column, row-major; `labels` name its elements. */
  | { readonly kind: "list"; readonly column: string; readonly labels: readonly ClassLabel[] | null }
  /** A scalar whose values get other names; what `names` does not have keeps its own. */
  | {
      readonly kind: "renamed";
      readonly column: string;
      readonly names: { readonly [value: string]: string };
    }
  /** The label of the largest element, or its index. */
  | { readonly kind: "argmax"; readonly column: string; readonly labels: readonly ClassLabel[] | null }
  /** Whether an element is at least `at`. */
  | { readonly kind: "threshold"; readonly column: string; readonly index: number; readonly at: number }
  /** The `k` largest elements, best first, as a list of structs. */
  | {
      readonly kind: "top-k";
      readonly column: string;
      readonly k: number;
      readonly rank: boolean;
      /** What names the elements: a file, labels, or neither, which leaves their indices. */
      readonly ids: IdFile | null;
      readonly labels: readonly ClassLabel[] | null;
      readonly idType: ColumnType;
      /** A list column of ids that the row does not want. */
      readonly exclude: BoundColumn | null;
    }
);

/** The outputs that a model is asked for, once each. */
export function fetchedOutputs(outputs: readonly OutputBinding[]): readonly string[] {
  return [...new Set(outputs.flatMap(({ output, certainBy }) => [output, ...(certainBy ?? [])]))];
}

/** The names of the columns that a binding makes. */
export function columnNames(binding: OutputBinding): readonly string[] {
  return binding.kind === "elements" ? binding.columns.map(({ column }) => column) : [binding.column];
}

/** A constant column. `value` may still hold `{{ run.id }}`, which is expanded when the partition runs. */
export interface AddedColumn {
  readonly column: string;
  readonly type: ColumnType;
  readonly value: JsonValue;
}

export interface Mapping {
  readonly inputs: readonly InputBinding[];
  readonly outputs: readonly OutputBinding[];
  /** Input columns that are kept, in order; the key comes first. */
  readonly passthrough: readonly string[];
  readonly added: readonly AddedColumn[];
  /** Every input column that must be read. */
  readonly reads: readonly string[];
  /** The output's columns in order: passthrough, predictions, added. */
  readonly columns: readonly Column[];
  /** How the features were found, a sentence each, for people. */
  readonly found: readonly string[];
  readonly warnings: readonly string[];
}

/** Values a row of that shape: the product of its dimensions, 1 for `[]`. */
export function rowWidth(rowShape: readonly number[]): number {
  return rowShape.reduce((width, dimension) => width * dimension, 1);
}
