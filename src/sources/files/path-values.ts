/** Values in paths: as text, or converted to the column's type. */
import type { PathType } from "../../data/column.js";
import type { PinnedFile } from "../../job/partition.js";

/** A value as a plan stores it. A 64-bit integer beyond 2^53 and a date are stored as text. */
export type PathValue = PinnedFile["pathValues"][string];

/** The text that Hive and Spark write for a null. */
export const hiveNull = "__HIVE_DEFAULT_PARTITION__";

/** @returns `undefined` if the text is not a value of the type */
export function parsePathValue(text: string, type: PathType): PathValue | undefined {
  if (text === hiveNull) return null;
  switch (type) {
    case "string":
      return text;
    case "int64":
      return parseInteger(text);
    case "float64":
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
    case "date":
      return isDate(text) ? text : undefined;
    case "bool":
      return /^(true|false)$/i.test(text) ? text.toLowerCase() === "true" : undefined;
  }
}

/** Parses digits, also with leading zeros: `7`, `-7`, `07`. */
function parseInteger(text: string): number | string | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ""));
  if (BigInt.asIntN(64, value) !== value) return undefined;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const instant = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(text);
}

/**
 * Returns the type of a value whose plan does not name one: plans of version 0.1 only had integers and text,
 * and the other types are distinguished by their names.
 */
export function impliedType(value: PathValue): PathType {
  if (typeof value === "number") return "int64";
  return typeof value === "boolean" ? "bool" : "string";
}
