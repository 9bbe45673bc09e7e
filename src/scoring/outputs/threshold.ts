import type { DataType } from "apache-arrow";
import { doubleToHalf, halfToDouble } from "../../data/float16.js";
import type { TensorType } from "../../data/tensor.js";
import { valuesColumn } from "./arrow-values.js";
import { type OutputColumn, withNulls } from "./output-column.js";
import { createScores } from "./scores.js";

interface Rule {
  readonly width: number;
  /** The element of a row that is compared. */
  readonly index: number;
  /** The threshold. */
  readonly at: number;
}

/**
 * Whether an element is at least the threshold; null for NaN. The threshold is converted to the tensor's
 * type: a float32 score of 0.7 reaches 0.7, although it is slightly less than the double 0.7.
 */
export function thresholdColumn(
  type: DataType,
  tensorType: TensorType,
  { width, index, at }: Rule,
): OutputColumn {
  const scoresOf = createScores();
  const least = inTensor(at, tensorType);
  let reached = new Uint8Array(0);
  let unknown: number[] = [];
  return {
    begin({ numRows }) {
      if (reached.length < numRows) reached = new Uint8Array(numRows);
      unknown = [];
    },
    collect(at, rows, tensor) {
      const scores = scoresOf(tensor, rows * width);
      for (let row = 0, cell = index; row < rows; row++, cell += width) {
        const score = scores[cell] ?? Number.NaN;
        reached[at + row] = score >= least ? 1 : 0;
        if (Number.isNaN(score)) unknown.push(at + row);
      }
    },
    finish: (rows, nulled) => valuesColumn(type, reached.subarray(0, rows), withNulls(nulled, rows, unknown)),
  };
}

function inTensor(value: number, type: TensorType): number {
  if (type === "float32") return Math.fround(value);
  return type === "float16" ? halfToDouble(doubleToHalf(value)) : value;
}
