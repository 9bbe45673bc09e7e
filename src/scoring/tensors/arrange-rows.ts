import { doubleToHalf } from "../../data/float16.js";
import type { Tensor, Tensors, TensorType } from "../../data/tensor.js";
import { rowWidth } from "../../mapping/mapping.js";
import { allocate, type TensorBuffer } from "./tensor-buffers.js";

/** Returns copies of the tensors whose row `i` is row `order[i]` of the originals. */
export function arrangeRows(tensors: Tensors, order: readonly number[]): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, arrange(tensor, order)]));
}

/** Joins the rows of all parts. There is at least one part, and all agree in names, types and row shapes. */
export function joinTensorRows(parts: readonly Tensors[]): Tensors {
  const [first = {}] = parts;
  return Object.fromEntries(
    Object.entries(first).map(([name, tensor]) => [
      name,
      join(
        tensor,
        parts.map((part) => part[name] ?? tensor),
      ),
    ]),
  );
}

function join({ type, dims: [, ...rowShape] }: Tensor, parts: readonly Tensor[]): Tensor {
  const rows = parts.reduce((sum, { dims: [own = 0] }) => sum + own, 0);
  const joined = allocate(type, rows * rowWidth(rowShape));
  let at = 0;
  for (const { data } of parts) {
    copyRow(data as TensorBuffer, 0, joined, at, data.length);
    at += data.length;
  }
  return { type, dims: [rows, ...rowShape], data: joined };
}

function arrange({ type, dims, data }: Tensor, order: readonly number[]): Tensor {
  const [rows = 0, ...rowShape] = dims;
  const width = rows === 0 ? 0 : data.length / rows;
  const arranged = allocate(type, order.length * width);
  for (const [to, from] of order.entries())
    copyRow(data as TensorBuffer, from * width, arranged, to * width, width);
  return { type, dims: [order.length, ...rowShape], data: arranged };
}

function copyRow(from: TensorBuffer, start: number, to: TensorBuffer, at: number, width: number): void {
  if (Array.isArray(from)) {
    if (Array.isArray(to))
      for (let index = 0; index < width; index++) to[at + index] = from[start + index] ?? "";
  } else if (!Array.isArray(to)) to.set(from.subarray(start, start + width) as never, at);
}

/** Repeats the rows until there are `length` of them. */
export function tiled(rows: readonly number[], length: number): readonly number[] {
  return Array.from({ length }, (_, index) => rows[index % rows.length] ?? 0);
}

/** Returns rows `0..rows` at their positions, with each failed one replaced by `substitute`. */
export function substituted(
  rows: number,
  failed: { has(row: number): boolean },
  substitute: number,
): readonly number[] {
  return Array.from({ length: rows }, (_, row) => (failed.has(row) ? substitute : row));
}

/** Returns one row of ones, or of empty texts. */
export function oneRow(type: TensorType, rowShape: readonly number[]): Tensor {
  const data = allocate(type, rowWidth(rowShape));
  if (Array.isArray(data)) return { type, dims: [1, ...rowShape], data };
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.fill(1n);
  else data.fill(type === "float16" ? doubleToHalf(1) : 1);
  return { type, dims: [1, ...rowShape], data };
}

/** Returns one row of zeros, or of empty texts. */
export function zeroRow(type: TensorType, rowShape: readonly number[]): Tensor {
  return { type, dims: [1, ...rowShape], data: allocate(type, rowWidth(rowShape)) };
}
