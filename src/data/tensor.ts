/** Tensors and model signatures, free of any engine's types. */

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

/** By input or output name. */
export type Tensors = { readonly [name: string]: Tensor };

/** One dimension of a signature: a fixed size, a symbolic name (`"N"`), or unknown. */
export type Dimension = number | string | null;

export interface TensorSpec {
  readonly name: string;
  readonly type: TensorType;
  /** Dimension 0 is the batch where the model allows one. `null`: the rank itself is unknown. */
  readonly shape: readonly Dimension[] | null;
  /** Class labels along the last dimension, in order, where the model carries them (classifier probabilities). */
  readonly labels?: readonly (string | number)[];
  /** What the tensor means where the graph says so. */
  readonly role?: TensorRole;
}

/** The predicted class; one number from 0 to 1 a class; one of any size a class, such as distances to a margin. */
export type TensorRole = "label" | "probabilities" | "scores";

export interface Signature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Fixed size of dimension 0 where the export froze it; the last batch is padded to it and trimmed. */
  readonly fixedBatch: number | null;
  /**
   * Whether some operator takes NaN for a missing value. `false`: NaN is no value that the model knows; `true`: it may be
   * for some inputs. Absent: NaN stays NaN, since the model only copies values, or it is not known.
   */
  readonly knowsMissing?: boolean;
  /** `metadata_props`, producer and opset of the model, for `inspect` and for feature names. */
  readonly metadata: { readonly [key: string]: string };
  /** Feature names in order, where the model's metadata carries them. */
  readonly featureNames: readonly string[] | null;
}
