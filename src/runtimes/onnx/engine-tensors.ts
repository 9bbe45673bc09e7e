/** Converts tensors to those of the engine and back, without copying. */
import type { Tensor as OrtTensor } from "onnxruntime-node";
import type { Signature, Tensor, TensorData, Tensors, TensorType } from "../../data/tensor.js";
import { BugError, ModelError } from "../../errors.js";
import type { Engine } from "./engine.js";

/** The array type for each element type; strings are plain arrays. */
const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

export function emptyData(type: TensorType): TensorData {
  return type === "string" ? [] : new arrays[type](0);
}

/**
 * Returns the number of rows, which must be the same in every input.
 * @throws ModelError `model.input-mismatch` if inputs and signature disagree
 */
export function rowsOf(inputs: Tensors, signature: Signature, path: string): number {
  const rows = new Set<number>();
  for (const { name, type } of signature.inputs) {
    const tensor = inputs[name];
    if (tensor === undefined) throw inputMismatch(path, name, "is missing");
    if (tensor.type !== type)
      throw inputMismatch(path, name, `is ${tensor.type}, and the model takes ${type}`);
    requireSound(name, tensor);
    rows.add(tensor.dims[0] ?? 0);
  }
  // The engine would ignore them silently.
  const extra = Object.keys(inputs).find((name) => signature.inputs.every((input) => input.name !== name));
  if (extra !== undefined) throw inputMismatch(path, extra, "is not an input of the model");
  const [count = 0, ...others] = rows;
  if (others.length === 0) return count;
  throw inputMismatch(
    path,
    signature.inputs.map(({ name }) => name).join(", "),
    "differ in their number of rows",
  );
}

/**
 * Float16 is passed as bits: if the language has a Float16Array, the engine's own constructor creates one,
 * which its native side cannot read.
 */
export function toEngine(engine: Engine, { type, data, dims }: Tensor): OrtTensor {
  if (type !== "float16") return new engine.Tensor(type, data as never, dims);
  const bits = new engine.Tensor("uint16", data as Uint16Array, dims);
  return Object.defineProperty(bits as OrtTensor, "type", { value: "float16", enumerable: true });
}

export function fromEngine(tensor: OrtTensor): Tensor {
  const type = tensor.type as TensorType;
  const data = tensor.data as TensorData | ArrayBufferView;
  if (type !== "float16" || Array.isArray(data)) return { type, dims: tensor.dims, data: data as TensorData };
  const { buffer, byteOffset, byteLength } = data as Uint16Array;
  return { type, dims: tensor.dims, data: new Uint16Array(buffer, byteOffset, byteLength / 2) };
}

/** Neither a model nor data can cause this, only a caller that built a tensor wrongly. */
function requireSound(name: string, { type, data, dims }: Tensor): void {
  const length = dims.reduce((product, size) => product * size, 1);
  if (type === "string" ? !Array.isArray(data) : !(data instanceof arrays[type]))
    throw new BugError("bug", `tensor "${name}" of type ${type} holds ${data.constructor.name}`);
  if (data.length !== length)
    throw new BugError("bug", `tensor "${name}" of shape [${dims.join(", ")}] holds ${data.length} values`);
  if (ArrayBuffer.isView(data) && data.buffer instanceof SharedArrayBuffer)
    throw new BugError("bug", `tensor "${name}" is in shared memory, which the engine does not accept`);
}

export function inputMismatch(path: string, input: string, what: string): ModelError {
  return new ModelError("model.input-mismatch", `${path}: input ${JSON.stringify(input)} ${what}`, {
    hint: "Plan the run again: the mapping was made for another signature.",
    details: { model: path, input },
  });
}
