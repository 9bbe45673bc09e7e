/** Fills cells with one value: padding, masks, and inputs without data. */
import { doubleToHalf } from "../../data/float16.js";
import type { TensorType } from "../../data/tensor.js";
import type { InputBinding } from "../../mapping/mapping.js";
import { headOf, type TensorBuffer } from "../tensors/tensor-buffers.js";
import type { Lane } from "./fill.js";

/** Fills its buffer once, because no other code writes to it. */
export function constantLane(
  { type, value }: InputBinding & { readonly kind: "constant" },
  width: number,
  buffer: TensorBuffer,
): Lane {
  constantFill(buffer, type, value)(0, buffer.length);
  return (_start, rows) => headOf(buffer, rows * width);
}

/** Writes one value into the cells from `start` to `end` (exclusive). */
export function constantFill(
  buffer: TensorBuffer,
  type: TensorType,
  value: number | string | boolean,
): (start: number, end: number) => void {
  if (Array.isArray(buffer)) return (start, end) => void buffer.fill(String(value), start, end);
  if (buffer instanceof BigInt64Array || buffer instanceof BigUint64Array)
    return (start, end) => void buffer.fill(BigInt(value), start, end);
  const cell = type === "float16" ? doubleToHalf(Number(value)) : Number(value);
  return (start, end) => void buffer.fill(cell, start, end);
}
