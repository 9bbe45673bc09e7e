/** Hive directories: `dt=2026-01-15/country=FR`. */
import { DataError } from "../../errors.js";

/** Represents null and the empty string: Hive and Spark cannot read `dt=`. */
export const hiveNull = "__HIVE_DEFAULT_PARTITION__";

/**
 * Characters that Hive and Spark escape; all tested readers accept the other ones unescaped, also beyond
 * ASCII.
 */
const reserved = new Set("\"#%'*/:=?\\{}[]^");

/** Maximum bytes of a name in a directory on all common file systems. */
const maxNameBytes = 255;

/** Returns the directory of a file; `""` without partition columns. `values` are parallel to `columns`. */
export function partitionPath(columns: readonly string[], values: readonly string[]): string {
  return columns.map((column, index) => segment(column, values[index] ?? hiveNull)).join("/");
}

function segment(column: string, value: string): string {
  const name = `${escapeName(column)}=${value === "" ? hiveNull : escapeName(value)}`;
  if (Buffer.byteLength(name) > maxNameBytes) {
    throw new DataError(
      "data.partition-value-too-long",
      `a value of the partition column \`${column}\` is too long for a directory's name`,
      { hint: `Leave \`${column}\` out of \`partition_by\`.`, details: { column } },
    );
  }
  return name;
}

function escapeName(text: string): string {
  return [...text].map(escapeCharacter).join("");
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  if (code >= 0x20 && code !== 0x7f && !reserved.has(character)) return character;
  return `%${code.toString(16).toUpperCase().padStart(2, "0")}`;
}
