/**
 * Compares predictions with the ones that another program made of the same rows, a chunk at a time. Labels must be equal;
 * a floating-point number may differ by the tolerance times max(1, |expected|).
 */
import type { RecordBatch } from "apache-arrow";
import { columnOf } from "../../data/arrow/columns.js";
import type { Column, ColumnType } from "../../data/column.js";
import type { ComparedColumn } from "../../job/plan.js";
import { type Mapping, type OutputBinding, rowWidth } from "../../mapping/mapping.js";
import { type Cell, cellsOf } from "./cells.js";

/** A row of a chunk of predictions and what is expected of it. */
export interface RowPair {
  /** Row of the chunk. */
  readonly predicted: number;
  readonly expected: (column: string) => Cell;
  /** By which people find the row. */
  readonly number: number;
}

export interface ColumnComparison {
  add(predicted: RecordBatch, pairs: Iterable<RowPair>): void;
  result(): readonly ComparedColumn[];
}

const rowsNamed = 5;

/** @param columns predicted columns that have expected values, as they are predicted */
export function compareColumns(
  columns: readonly Column[],
  mapping: Pick<Mapping, "outputs">,
  tolerance: number,
): ColumnComparison {
  const tallies = columns.map(({ name, type }) => ({
    column: name,
    isLabel: !hasFloats(type),
    difference: differenceFor(type),
    scores: scoresBehind(name, mapping.outputs),
    rows: 0,
    different: 0,
    ties: 0,
    worst: 0,
    firstRows: [] as number[],
  }));
  return {
    add(predicted, pairs) {
      const readers = tallies.map((tally) => ({
        tally,
        read: cellsOf(columnOf(predicted, tally.column)),
        scores: tally.scores.map((group) => group.map((name) => cellsOf(columnOf(predicted, name)))),
      }));
      for (const { predicted: row, expected, number } of pairs)
        for (const { tally, read, scores } of readers) {
          const difference = tally.difference(expected(tally.column), read(row));
          tally.rows++;
          if (Number.isFinite(difference)) tally.worst = Math.max(tally.worst, difference);
          if (difference <= tolerance) continue;
          if (scores.some((group) => isTie(group, row, tolerance))) tally.ties++;
          else {
            tally.different++;
            if (tally.firstRows.length < rowsNamed) tally.firstRows.push(number);
          }
        }
    },
    result: () =>
      tallies.map(({ column, isLabel, rows, different, ties, worst, firstRows }) => ({
        column,
        rows,
        different,
        ties,
        worst: isLabel ? null : worst,
        firstRows: [...firstRows],
      })),
  };
}

type Difference = (expected: Cell, predicted: Cell) => number;

/** The difference of two values by the predicted one's type. Infinite: they differ whatever the tolerance is. */
function differenceFor(type: ColumnType): Difference {
  switch (type.kind) {
    case "dictionary":
      return differenceFor(type.value);
    case "list":
    case "fixed-list": {
      const item = differenceFor(type.item);
      return ofParts(() => item);
    }
    case "struct": {
      const byName = [...type.fields].sort((a, b) => (a.name < b.name ? -1 : 1));
      const fields = byName.map((field) => differenceFor(field.type));
      return ofParts((place) => fields[place] ?? exactDifference);
    }
    case "float":
      return floatDifference;
    default:
      return exactDifference;
  }
}

function ofParts(partAt: (place: number) => Difference): Difference {
  return (expected, predicted) => {
    if (!isParts(expected) || !isParts(predicted)) return exactDifference(expected, predicted);
    if (expected.length !== predicted.length) return Infinity;
    return expected.reduce<number>(
      (worst, part, place) => Math.max(worst, partAt(place)(part, predicted[place] ?? null)),
      0,
    );
  };
}

function isParts(cell: Cell): cell is readonly Cell[] {
  return Array.isArray(cell);
}

/** Null and NaN are the same: pandas writes one for the other. */
function isMissing(cell: Cell): boolean {
  return cell === null || Number.isNaN(cell);
}

function exactDifference(expected: Cell, predicted: Cell): number {
  return expected === predicted || (isMissing(expected) && isMissing(predicted)) ? 0 : Infinity;
}

function floatDifference(expected: Cell, predicted: Cell): number {
  if (exactDifference(expected, predicted) === 0) return 0;
  const [wanted, found] = [Number(expected), Number(predicted)];
  const difference = Math.abs(found - wanted) / Math.max(1, Math.abs(wanted));
  return isMissing(expected) || isMissing(predicted) || Number.isNaN(difference) ? Infinity : difference;
}

function hasFloats(type: ColumnType): boolean {
  switch (type.kind) {
    case "dictionary":
      return hasFloats(type.value);
    case "list":
    case "fixed-list":
      return hasFloats(type.item);
    case "struct":
      return type.fields.some((field) => hasFloats(field.type));
    default:
      return type.kind === "float";
  }
}

/** Groups of columns with all the scores that a label was decided by. */
function scoresBehind(column: string, outputs: Mapping["outputs"]): readonly (readonly string[])[] {
  const binding = outputs.find((each) => "column" in each && each.column === column);
  if (binding === undefined || binding.kind === "list") return [];
  const deciding = binding.kind === "argmax" ? [binding.output] : (binding.certainBy ?? []);
  return outputs.filter(({ output }) => deciding.includes(output)).flatMap(allScores);
}

function allScores(binding: OutputBinding): readonly (readonly string[])[] {
  if (binding.kind === "list") return [[binding.column]];
  if (binding.kind !== "elements" || binding.rowShape === null) return [];
  const names = binding.columns.map(({ column }) => column);
  return names.length > 1 && names.length === rowWidth(binding.rowShape) ? [names] : [];
}

/** Whether a row's two best scores are so close that either label is right. */
function isTie(readers: readonly ((row: number) => Cell)[], row: number, tolerance: number): boolean {
  const [best, second] = readers
    .flatMap((read) => read(row) as Cell | readonly Cell[])
    .map(Number)
    .sort((a, b) => b - a);
  if (best === undefined || second === undefined) return false;
  return best - second <= tolerance * Math.max(1, Math.abs(best));
}
