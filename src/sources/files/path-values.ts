/** Values in paths: text, or what a text stands for in the type that the column has. */
import type { PathType } from "../../data/column.js";
import type { PinnedFile } from "../../job/partition.js";

/** A value as a plan keeps it. A 64-bit integer past 2^53 and a date are texts. */
export type PathValue = PinnedFile["pathValues"][string];

/** What Hive and Spark write for a null. */
export const hiveNull = "__HIVE_DEFAULT_PARTITION__";

/** @returns `undefined` where the text is no value of the type */
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

/** Digits, also with zeros in front: `7`, `-7`, `07`. */
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
 * The type of a value whose plan names none: plans of version 0.1 knew integers and texts only, and the others are told
 * apart from these by their names.
 */
export function impliedType(value: PathValue): PathType {
  if (typeof value === "number") return "int64";
  return typeof value === "boolean" ? "bool" : "string";
}
