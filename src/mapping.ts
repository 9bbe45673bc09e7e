/**
 * The mapping as resolved when a run is planned: which column feeds which element of which tensor, and which element
 * of which output becomes which column. It is data; `pipeline/` carries it out.
 */
import type { Column, ColumnType } from "./column.js";
import type { JsonValue } from "./errors.js";
import type { TensorType } from "./tensor.js";

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

/** One column, read and converted to one number or string a row. */
export interface BoundColumn {
  readonly column: string;
  readonly type: ColumnType;
  readonly nulls: NullPolicy;
  readonly part: TimePart | null;
  /** IANA zone that `part` is taken in. */
  readonly timezone: string;
  /** A conversion that may lose digits was asked for. */
  readonly lossy: boolean;
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
  | { readonly kind: "list"; readonly column: BoundColumn }
);

/**
 * How one model output becomes columns. `rowShape` is the shape behind the batch dimension, `null` only in a mapping
 * that is not settled: the signature leaves it open and nothing was predicted yet.
 */
export type OutputBinding = {
  readonly output: string;
  readonly type: TensorType;
  readonly rowShape: readonly number[] | null;
} /** One scalar column. */ & (
  | { readonly kind: "scalar"; readonly column: string }
  /** One column an element: `index` along the flattened row. */
  | {
      readonly kind: "elements";
      readonly columns: readonly { readonly column: string; readonly index: number }[];
    }
  /** One fixed-size list column, row-major. */
  | { readonly kind: "list"; readonly column: string }
);

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
