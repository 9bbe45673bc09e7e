import type { JsonValue } from "../../errors.js";
import { columnGap, renderTable, type TableColumn, type TableOptions } from "./table.js";
import { textWidth, truncate } from "./text-width.js";

/** A digest or a paragraph says no more when it is shown whole. */
const mostCells = 32;

/** A few rows of data as a table: numbers on the right, lists short, nulls visible. */
export function renderRows(
  columns: readonly string[],
  rows: readonly (readonly JsonValue[])[],
  options: TableOptions,
): string {
  const shaped = columns.map((title, index) => {
    const values = rows.map((row) => row[index] ?? null);
    const numeric = values.some((value) => typeof value === "number") && values.every(isNumberOrNull);
    const decimals = numeric ? decimalsOf(values) : 0;
    return {
      column: numeric ? { title, align: "right" as const } : { title },
      cells: values.map((value) => cellText(value, decimals)),
    };
  });
  return inBlocks(shaped, options.width)
    .map((block) =>
      renderTable(
        block.map(({ column }) => column),
        rows.map((_, row) => block.map(({ cells }) => cells[row] ?? "")),
        options,
      ),
    )
    .join("\n\n");
}

interface Shaped {
  readonly column: TableColumn;
  readonly cells: readonly string[];
}

/** Groups columns into blocks that fit the width; every further block repeats the first column, which identifies the rows. */
function inBlocks(shaped: readonly Shaped[], width: number | null): readonly (readonly Shaped[])[] {
  const [first, ...others] = shaped;
  if (width === null || first === undefined) return [shaped];
  const cellsOf = ({ column, cells }: Shaped): number =>
    Math.max(textWidth(column.title), ...cells.map(textWidth)) + columnGap;
  const blocks: Shaped[][] = [[first]];
  let room = width - cellsOf(first) + columnGap;
  for (const one of others) {
    const last = blocks.at(-1);
    if (last === undefined || (cellsOf(one) > room && last.length > 1)) {
      blocks.push([first, one]);
      room = width - cellsOf(first) + columnGap - cellsOf(one);
    } else {
      last.push(one);
      room -= cellsOf(one);
    }
  }
  return blocks;
}

/** Four decimals line up probabilities; whole numbers keep none. */
function decimalsOf(values: readonly JsonValue[]): number {
  return values.every((value) => value === null || Number.isInteger(value)) ? 0 : 4;
}

function isNumberOrNull(value: JsonValue): boolean {
  return value === null || typeof value === "number";
}

function cellText(value: JsonValue, decimals: number): string {
  if (value === null) return "null";
  if (typeof value === "number") return numberText(value, decimals);
  if (typeof value === "string") return truncate(value.replace(/\s+/g, " "), mostCells);
  if (!Array.isArray(value)) return JSON.stringify(value);
  const shown = value.slice(0, 3).map((item) => cellText(item, 3));
  return `[${shown.join(", ")}${value.length > 3 ? `, … ${value.length} values` : ""}]`;
}

function numberText(value: number, decimals: number): string {
  if (Number.isInteger(value) && decimals === 0) return String(value);
  const tiny = value !== 0 && Math.abs(value) < 0.0001;
  return tiny || Math.abs(value) >= 1e9 ? value.toPrecision(5) : value.toFixed(Math.max(decimals, 1));
}
