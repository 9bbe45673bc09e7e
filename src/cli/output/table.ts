import { oneLine } from "../../text/visible-text.js";
import { wrapLines } from "./fit.js";
import type { Paint } from "./paint.js";
import { padEnd, padStart, textWidth, truncate } from "./text-width.js";

export interface TableColumn {
  readonly title: string;
  /** Numbers go right, so that their digits line up. */
  readonly align?: "left" | "right";
  /** Never cut: what people copy. Numbers never are. */
  readonly whole?: true;
  /** Left out where the terminal is too narrow for all, the highest first: before what matters more is cut. */
  readonly spare?: number;
  /** What a cell looks like once it is cut and padded; never changes its width. */
  readonly style?: (cell: string) => string;
}

export interface TableOptions {
  /** Cells of the terminal; `null`: as wide as it gets (pipes are for machines). */
  readonly width: number | null;
  readonly paint: Paint;
}

const gap = "  ";
/** Cells between two columns. */
export const columnGap = gap.length;
const narrowest = 6;
/** Labels of {@link renderPairs} whose values are commands. */
const commandLabels: ReadonlySet<string> = new Set(["next", "score it"]);

/** A table without borders: titles dim, columns aligned, the widest columns cut where the terminal ends. */
export function renderTable(
  all: readonly TableColumn[],
  allRows: readonly (readonly string[])[],
  { width, paint }: TableOptions,
): string {
  const shown = columnsThatFit(all, widthsOf(all, allRows), width);
  const columns = shown.flatMap((index) => {
    const column = all[index];
    return column === undefined ? [] : [{ ...column, title: oneLine(column.title) }];
  });
  const rows = allRows.map((row) => shown.map((index) => oneLine(row[index] ?? "")));
  const wanted = widthsOf(columns, rows);
  const widths = width === null ? wanted : shrink(wanted, columns, rows, width);
  const line = (cells: readonly string[], styled: boolean) =>
    columns
      .map((column, index) => {
        const cut = truncate(cells[index] ?? "", widths[index] ?? 0);
        const last = index === columns.length - 1 && column.align !== "right";
        const padded = last ? cut : (column.align === "right" ? padStart : padEnd)(cut, widths[index] ?? 0);
        return styled && column.style ? column.style(padded) : padded;
      })
      .join(gap)
      .trimEnd();
  const titles = columns.map((column) => column.title);
  return [paint.dim(line(titles, false)), ...rows.map((row) => line(row, true))].join("\n");
}

/**
 * Labels and values, one pair a line; the labels make a dim column of their own. Values break between words, except for
 * those that are commands to be copied.
 */
export function renderPairs(
  given: readonly (readonly [string, string])[],
  paint: Paint,
  terminalWidth: number | null = null,
): string {
  const pairs = given.map(([label, value]) => [oneLine(label), value] as const);
  const width = Math.max(...pairs.map(([label]) => textWidth(label)));
  return pairs
    .map(([label, value]) => {
      const room =
        terminalWidth === null || commandLabels.has(label) ? null : terminalWidth - width - gap.length;
      const [first = "", ...more] = wrapLines(value, room).split("\n");
      const indent = " ".repeat(width + gap.length);
      return [`${paint.dim(padEnd(label, width))}${gap}${first}`, ...more.map((text) => indent + text)].join(
        "\n",
      );
    })
    .join("\n");
}

function widthsOf(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): readonly number[] {
  return columns.map((column, index) =>
    Math.max(textWidth(column.title), ...rows.map((row) => textWidth(row[index] ?? ""))),
  );
}

/** Places of the columns that are shown. */
function columnsThatFit(
  columns: readonly TableColumn[],
  widths: readonly number[],
  width: number | null,
): readonly number[] {
  let shown = columns.map((_, index) => index);
  if (width === null) return shown;
  const spare = shown
    .filter((index) => columns[index]?.spare !== undefined)
    .sort((a, b) => (columns[b]?.spare ?? 0) - (columns[a]?.spare ?? 0));
  for (const least of spare) {
    if (totalOf(shown.map((index) => widths[index] ?? 0)) <= width) break;
    shown = shown.filter((index) => index !== least);
  }
  return shown;
}

function totalOf(widths: readonly number[]): number {
  return widths.reduce((sum, one) => sum + one, 0) + gap.length * (widths.length - 1);
}

/** Takes cells from the widest text first, down to a readable least. A number with a digit missing is a wrong number. */
function shrink(
  wanted: readonly number[],
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  width: number,
): readonly number[] {
  const widths = [...wanted];
  let excess = totalOf(widths) - width;
  for (const [index, column] of columns.entries()) {
    // A title may be cut, and the numbers below it may not.
    const numbers = Math.max(narrowest, ...rows.map((row) => textWidth(row[index] ?? "")));
    const cut = column.align === "right" ? Math.min(excess, (widths[index] ?? 0) - numbers) : 0;
    if (cut <= 0) continue;
    widths[index] = (widths[index] ?? 0) - cut;
    excess -= cut;
  }
  while (excess > 0) {
    const room = widths.map((cells, index) => (isWhole(columns[index]) ? 0 : cells - narrowest));
    const most = Math.max(...room);
    if (most <= 0) break;
    const widest = room.indexOf(most);
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess--;
  }
  return widths;
}

function isWhole(column: TableColumn | undefined): boolean {
  return column?.align === "right" || column?.whole === true;
}
