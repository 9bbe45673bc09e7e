/**
 * Map files. JSON: an object `{"LIS": 0, "OPO": 1}`, or an array, whose values get their places. CSV with a header: the
 * values in the first column and their numbers in the second, or one column of values, which get their places.
 */

import type { Categories } from "./mapping-files.js";
import { parseCsv } from "./parse-csv.js";
import type { FileKind } from "./read-text.js";

/** @throws RangeError that says what is wrong */
export function parseCategories(text: string, kind: Exclude<FileKind, "parquet">): Categories {
  const entries = kind === "json" ? jsonEntries(JSON.parse(text)) : csvEntries(text);
  const numbers = new Map<string, number>();
  const integers = new Map<number, number>();
  for (const [value, number] of entries) {
    if (numbers.has(value)) throw new RangeError(`it has ${JSON.stringify(value)} twice`);
    numbers.set(value, number);
    if (isInteger(value)) integers.set(Number(value), number);
  }
  if (numbers.size === 0) throw new RangeError("it holds no values");
  return { numbers, integers };
}

/** `7` and `-7`; not `07`, and nothing that a float64 can't hold exactly. */
function isInteger(text: string): boolean {
  return /^(0|-?[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text));
}

function jsonEntries(parsed: unknown): readonly (readonly [string, number])[] {
  if (Array.isArray(parsed)) return parsed.map((value: unknown, place) => [nameOf(value, place), place]);
  if (typeof parsed !== "object" || parsed === null)
    throw new RangeError("it is neither an object of numbers nor an array of values");
  return Object.entries(parsed).map(([value, number]: [string, unknown]) => {
    if (typeof number === "number") return [value, number];
    throw new RangeError(`what it gives ${JSON.stringify(value)} is not a number`);
  });
}

function nameOf(value: unknown, place: number): string {
  if (typeof value === "string" || typeof value === "boolean" || Number.isSafeInteger(value))
    return String(value);
  throw new RangeError(`its value ${place} is neither a text, an integer nor true or false`);
}

function csvEntries(text: string): readonly (readonly [string, number])[] {
  const { header, rows } = parseCsv(text);
  if (header.length > 2)
    throw new RangeError(`it has ${header.length} columns; values and their numbers are wanted`);
  return rows.map(({ line, cells: [value = "", number] }, place) => {
    if (number === undefined) return [value, place];
    if (number.trim() !== "" && Number.isFinite(Number(number))) return [value, Number(number)];
    throw new RangeError(`line ${line}: ${JSON.stringify(number)} is not a number`);
  });
}
