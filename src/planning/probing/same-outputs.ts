/** Whether two predictions of the same rows agree: kernels for other batch sizes add in another order, and round otherwise. */
import { halfToDouble } from "../../data/float16.js";
import type { Signature, Tensor, Tensors, TensorType } from "../../data/tensor.js";

export interface Difference {
  readonly output: string;
  /** Rows that differ in that output. */
  readonly rows: number;
}

interface Tolerance {
  /** Of the larger of two numbers. */
  readonly relative: number;
  /** Of the largest number of the output: for sums that cancel out. */
  readonly ofLargest: number;
}

/** Noise of float32 kernels is about a tenth of it; a step of dynamic quantisation is ten times as large. */
const float32Noise: Tolerance = { relative: 1e-4, ofLargest: 2e-5 };
const float16Noise: Tolerance = { relative: 1e-2, ofLargest: 2e-3 };

function noiseOf(type: TensorType, provider: string): Tolerance {
  const noise = type === "float16" ? float16Noise : float32Noise;
  // Devices multiply in fewer bits.
  const factor = provider === "cpu" ? 1 : 20;
  return { relative: noise.relative * factor, ofLargest: noise.ofLargest * factor };
}

export interface Comparison {
  readonly signature: Signature;
  readonly provider: string;
}

/**
 * Compares rows `0..count` of `tried` with the rows `places` of `whole`.
 * @param isExact whether floats must agree to the last bit
 * @returns the first output that differs, or `null`
 */
export function differenceOf(
  whole: Tensors,
  tried: Tensors,
  places: readonly number[],
  { signature, provider }: Comparison,
  { isExact = false }: { readonly isExact?: boolean } = {},
): Difference | null {
  for (const [name, tensor] of Object.entries(whole)) {
    const other = tried[name];
    const noise = isExact ? { relative: 0, ofLargest: 0 } : noiseOf(tensor.type, provider);
    const differing = places.filter((place, row) => {
      if (other === undefined || !sameShape(tensor, other)) return true;
      if (sameRow(tensor, place, other, row, noise)) return false;
      return isExact || !isTie(name, place, whole, signature, provider);
    });
    if (differing.length > 0) return { output: name, rows: differing.length };
  }
  return null;
}

function sameShape(a: Tensor, b: Tensor): boolean {
  return a.dims.length === b.dims.length && a.dims.slice(1).every((size, axis) => size === b.dims[axis + 1]);
}

function sameRow(a: Tensor, rowOfA: number, b: Tensor, rowOfB: number, noise: Tolerance): boolean {
  const width = widthOf(a);
  const isFloat = /^float/.test(a.type);
  const slack = isFloat ? noise.ofLargest * largest(a) : 0;
  for (let cell = 0; cell < width; cell++) {
    const left = a.data[rowOfA * width + cell];
    const right = b.data[rowOfB * width + cell];
    if (Object.is(left, right)) continue;
    if (!isFloat) return false;
    const [x, y] = [numberOf(a, Number(left)), numberOf(b, Number(right))];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    // Written so that a NaN on one side, and an infinity, are no noise.
    if (!(Math.abs(x - y) <= noise.relative * Math.max(Math.abs(x), Math.abs(y)) + slack)) return false;
  }
  return true;
}

function numberOf({ type }: Tensor, cell: number): number {
  return type === "float16" ? halfToDouble(cell) : cell;
}

function largest(tensor: Tensor): number {
  let most = 0;
  for (const cell of tensor.data) {
    const value = Math.abs(numberOf(tensor, Number(cell)));
    if (value > most && Number.isFinite(value)) most = value;
  }
  return most;
}

function widthOf({ dims }: Tensor): number {
  return dims.slice(1).reduce((product, size) => product * size, 1);
}

/** Whether a row's label could as well be another one: its two best scores differ by no more than noise. */
function isTie(
  output: string,
  row: number,
  whole: Tensors,
  { outputs }: Signature,
  provider: string,
): boolean {
  if (outputs.find(({ name }) => name === output)?.role !== "label") return false;
  const scores = outputs
    .filter(({ role }) => role === "probabilities" || role === "scores")
    .flatMap(({ name }) => (whole[name] === undefined ? [] : [whole[name]]));
  return scores.some((tensor) => {
    const width = widthOf(tensor);
    const [best = 0, second = 0] = Array.from({ length: width }, (_, cell) =>
      numberOf(tensor, Number(tensor.data[row * width + cell])),
    ).sort((a, b) => b - a);
    const { relative, ofLargest } = noiseOf(tensor.type, provider);
    return Math.abs(best - second) <= relative * Math.abs(best) + ofLargest * largest(tensor);
  });
}
