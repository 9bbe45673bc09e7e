import { DataType } from "apache-arrow";
import type { ClassLabel } from "../../mapping/mapping.js";
import { valuesColumn } from "./arrow-values.js";
import { type OutputColumn, withNulls } from "./output-column.js";
import { createScores, type Scores } from "./scores.js";

/**
 * Returns the label of a row's largest element, the first of equals, or its index if there are no labels. NaN
 * is never the largest; a row with only NaN has a null.
 */
export function argmaxColumn(
  type: DataType,
  width: number,
  labels: readonly ClassLabel[] | null,
): OutputColumn {
  const scoresOf = createScores();
  const isText = DataType.isUtf8(type);
  const texts = (labels ?? []).map(String);
  const numbers = BigInt64Array.from({ length: width }, (_, index) =>
    isText ? 0n : BigInt(labels?.[index] ?? index),
  );
  let winners = new Int32Array(0);
  return {
    begin({ numRows }) {
      if (winners.length < numRows) winners = new Int32Array(numRows);
      winners.fill(-1, 0, numRows);
    },
    collect(at, rows, tensor) {
      const scores = scoresOf(tensor, rows * width);
      for (let row = 0; row < rows; row++) winners[at + row] = largest(scores, row * width, width);
    },
    finish(rows, nulled) {
      const values = isText
        ? Array.from({ length: rows }, (_, row) => texts[winners[row] ?? -1] ?? "")
        : numbersOf(winners, numbers, rows);
      return valuesColumn(type, values, withNulls(nulled, rows, losers(winners, rows)));
    },
  };
}

function largest(scores: Scores, start: number, width: number): number {
  let best = Number.NEGATIVE_INFINITY;
  let winner = -1;
  for (let element = 0; element < width; element++) {
    const score = scores[start + element] ?? Number.NaN;
    if (score > best || (winner < 0 && score === best)) {
      best = score;
      winner = element;
    }
  }
  return winner;
}

function numbersOf(winners: Int32Array, numbers: BigInt64Array, rows: number): BigInt64Array {
  const values = new BigInt64Array(rows);
  for (let row = 0; row < rows; row++) values[row] = numbers[winners[row] ?? -1] ?? 0n;
  return values;
}

function* losers(winners: Int32Array, rows: number): Generator<number> {
  for (let row = 0; row < rows; row++) if ((winners[row] ?? -1) < 0) yield row;
}
