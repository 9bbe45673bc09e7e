/**
 * Files that name the elements of an output, in their order. JSON: an array. CSV with a header, and Parquet: one column.
 * Where all of them are integers as people write them, they are int64; otherwise they are text.
 */

import type { Ids } from "./mapping-files.js";
import { parseCsv } from "./parse-csv.js";

/** @throws RangeError that says what is wrong */
export function parseJsonIds(text: string): Ids {
  const parsed: unknown = JSON.parse(text);
  if (!Array.isArray(parsed)) throw new RangeError("it is not an array");
  const odd = parsed.findIndex((id: unknown) => typeof id !== "string" && !Number.isSafeInteger(id));
  if (odd >= 0)
    throw new RangeError(
      `its value ${odd} is neither a text nor an integer that keeps its digits in JSON (quote it)`,
    );
  return idsFromTexts(parsed.map(String));
}

/** @throws RangeError that says what is wrong */
export function parseCsvIds(text: string, column: string | null): Ids {
  const { header, rows } = parseCsv(text);
  const place = columnPlace(header, column);
  return idsFromTexts(rows.map(({ cells }) => cells[place] ?? ""));
}

/** Where the wanted column is among those of the file. @throws RangeError */
export function columnPlace(columns: readonly string[], wanted: string | null): number {
  if (wanted === null && columns.length === 1) return 0;
  if (wanted === null) throw new RangeError(`it has ${columns.length} columns: say which with \`column\``);
  const place = columns.indexOf(wanted);
  if (place < 0) throw new RangeError(`it has no column "${wanted}", but ${columns.slice(0, 20).join(", ")}`);
  return place;
}

export function idsFromTexts(texts: readonly string[]): Ids {
  return texts.every(isInt64)
    ? withoutRepeats({ kind: "int64", values: BigInt64Array.from(texts, BigInt) })
    : withoutRepeats({ kind: "utf8", values: texts });
}

/** Rejects duplicate names: two elements with one name could not be excluded separately. @throws RangeError */
export function withoutRepeats(ids: Ids): Ids {
  const seen = new Set<string | bigint>();
  for (const id of ids.values) {
    if (seen.has(id)) throw new RangeError(`it has ${JSON.stringify(String(id))} twice`);
    seen.add(id);
  }
  if (seen.size === 0) throw new RangeError("it holds no values");
  return ids;
}

function isInt64(text: string): boolean {
  return /^(0|-?[1-9]\d{0,18})$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}
