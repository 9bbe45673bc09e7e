/** Copies elements of an output: one for each row, or a whole row as a list. */
import type { DataType } from "apache-arrow";
import { halfToDouble } from "../../data/float16.js";
import type { Tensor, TensorType } from "../../data/tensor.js";
import { allocate, headOf, type TensorBuffer } from "../tensors/tensor-buffers.js";
import { rowsColumn } from "./arrow-values.js";
import type { OutputColumn } from "./output-column.js";

/** The elements of a row of `width` that go into the column. */
interface Elements {
  readonly width: number;
  readonly index: number;
  readonly count: number;
}

export function gatheredColumn(type: DataType, tensorType: TensorType, elements: Elements): OutputColumn {
  const { count } = elements;
  // Halves are widened when they are copied.
  const bufferType = tensorType === "float16" ? "float32" : tensorType;
  let buffer = allocate(bufferType, 0);
  return {
    begin({ numRows }) {
      if (buffer.length < numRows * count) buffer = allocate(bufferType, numRows * count);
    },
    collect: (at, rows, tensor) => gather(tensor, rows, elements, buffer, at * count),
    finish: (rows, nulled) => rowsColumn(type, headOf(buffer, rows * count), rows, nulled),
  };
}

/** The collector has checked that tensor and column have the same kind of values. */
interface Cells {
  [cell: number]: number | bigint | string;
}

/** Copies the elements of each row, contiguously, from cell `to` on. */
function gather(
  { type, data }: Tensor,
  rows: number,
  { width, index, count }: Elements,
  buffer: TensorBuffer,
  to: number,
): void {
  const isWhole = count === width;
  if (Array.isArray(buffer) || type === "float16" || !isWhole) {
    const out: Cells = buffer;
    for (let row = 0, cell = to; row < rows; row++)
      for (let element = 0; element < count; element++, cell++) {
        const value = data[row * width + index + element] ?? 0;
        out[cell] = type === "float16" ? halfToDouble(Number(value)) : value;
      }
    return;
  }
  buffer.set((data as Exclude<TensorBuffer, string[]>).subarray(0, rows * width) as never, to);
}
