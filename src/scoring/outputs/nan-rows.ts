/** Finds rows with a NaN prediction. */
import type { Tensor } from "../../data/tensor.js";

/** Returns the positions of the first `rows` rows that contain NaN; empty unless the tensor has floats. */
export function nanRows(tensor: Tensor, rows: number): readonly number[] {
  const { type, data, dims } = tensor;
  const width = dims.slice(1).reduce((product, size) => product * size, 1);
  const found: number[] = [];
  if (type === "float32" || type === "float64") {
    const values = data as Float32Array | Float64Array;
    for (let row = 0, cell = 0; row < rows; row++) {
      const end = cell + width;
      // Summing is faster than comparing each value, and NaN propagates; a NaN from opposite infinities is
      // checked again.
      let sum = 0;
      for (; cell < end; cell++) sum += values[cell] ?? 0;
      if (Number.isNaN(sum) && hasNan(tensor, row)) found.push(row);
    }
  } else if (type === "float16")
    for (let row = 0; row < rows; row++) if (hasNan(tensor, row)) found.push(row);
  return found;
}

export function hasNan({ type, data, dims }: Tensor, row: number): boolean {
  const width = dims.slice(1).reduce((product, size) => product * size, 1);
  for (let cell = row * width; cell < (row + 1) * width; cell++) {
    const value = data[cell];
    if (type === "float16" ? (Number(value) & 0x7fff) > 0x7c00 : Number.isNaN(value)) return true;
  }
  return false;
}
