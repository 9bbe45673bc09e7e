/** Tensors and model signatures, independent of any engine's types. */

export type TensorType =
  | "float32"
  | "float64"
  | "float16"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "bool"
  | "string";

/** Row-major values: float16 as raw bits in a Uint16Array, bool as 0 and 1 in a Uint8Array. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | readonly string[];

export interface Tensor {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** Tensors by input or output name. */
export type Tensors = { readonly [name: string]: Tensor };

/** One dimension of a signature: a fixed size, a symbolic name (`"N"`), or unknown. */
export type Dimension = number | string | null;

export interface TensorSpec {
  readonly name: string;
  readonly type: TensorType;
  /** Dimension 0 is the batch if the model supports batches. `null`: the rank itself is unknown. */
  readonly shape: readonly Dimension[] | null;
  /**
   * Class labels along the last dimension, in order, if the model carries them (classifier probabilities).
   */
  readonly labels?: readonly (string | number)[];
  /** The meaning of the tensor, if the graph declares it. */
  readonly role?: TensorRole;
}

/**
 * `label`: the predicted class. `probabilities`: one number from 0 to 1 for each class. `scores`: one
 * unbounded number for each class, such as distances to a margin.
 */
export type TensorRole = "label" | "probabilities" | "scores";

export interface Signature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /**
   * Fixed size of dimension 0 if the export froze it. The last batch is padded to it, and the padding is
   * trimmed.
   */
  readonly fixedBatch: number | null;
  /**
   * Whether some operator treats NaN as a missing value. `false`: the model does not handle NaN. `true`: it
   * does for some inputs. Absent: unknown, or the model only copies values, so NaN stays NaN.
   */
  readonly knowsMissing?: boolean;
  /** Model metadata (`metadata_props`), producer and opset, for `inspect` and for feature names. */
  readonly metadata: { readonly [key: string]: string };
  /** Feature names in order, if the model's metadata carries them. */
  readonly featureNames: readonly string[] | null;
}
