/** Columns that hold the index of a pandas DataFrame, as the file's metadata names them. */
import type { Schema } from "../../data/column.js";

/** A file says it in a text of its own, which another program may have written: what is not as pandas writes it is left. */
const longestText = 16 * 1024 * 1024;

/** @param text the file's metadata under the key `pandas` */
export function withIndexColumns(schema: Schema, text: string | undefined): Schema {
  const names = indexColumns(text);
  if (names.size === 0) return schema;
  return schema.map((column) => (names.has(column.name) ? { ...column, isIndex: true } : column));
}

function indexColumns(text: string | undefined): ReadonlySet<unknown> {
  if (text === undefined || text.length > longestText) return new Set();
  try {
    const { index_columns: names }: { index_columns?: unknown } = JSON.parse(text) ?? {};
    // A range of numbers is an object that names no column.
    return new Set(Array.isArray(names) ? names : []);
  } catch {
    return new Set();
  }
}
