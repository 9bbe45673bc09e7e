import type { TensorData, TensorType } from "../../data/tensor.js";

/** Writable tensor data: typed arrays on plain ArrayBuffers (engines refuse shared ones), or texts. */
export type TensorBuffer = Exclude<TensorData, readonly string[]> | string[];

const zero = (length: number) => new Uint8Array(length);

const factories: { readonly [type in TensorType]: (length: number) => TensorBuffer } = {
  float32: (length) => new Float32Array(length),
  float64: (length) => new Float64Array(length),
  float16: (length) => new Uint16Array(length),
  int8: (length) => new Int8Array(length),
  int16: (length) => new Int16Array(length),
  int32: (length) => new Int32Array(length),
  int64: (length) => new BigInt64Array(length),
  uint8: zero,
  uint16: (length) => new Uint16Array(length),
  uint32: (length) => new Uint32Array(length),
  uint64: (length) => new BigUint64Array(length),
  bool: zero,
  string: (length) => new Array<string>(length).fill(""),
};

/** Allocates zeros, or empty texts. */
export function allocate(type: TensorType, length: number): TensorBuffer {
  return factories[type](length);
}

/** Returns the first values, without copying if the buffer type allows it. */
export function headOf(buffer: TensorBuffer, length: number): TensorBuffer {
  if (buffer.length === length) return buffer;
  return Array.isArray(buffer) ? buffer.slice(0, length) : buffer.subarray(0, length);
}
