/**
 * The key of a table that is created: the input's key and the columns that distinguish its rows beyond it.
 */

import { ownColumns } from "./columns/written-columns.js";
import type { PostgresWrite } from "./postgres-write.js";

export interface MadeKey {
  readonly columns: readonly string[];
  /** False: a plain index instead of a primary key, because the elements of a list share a key. */
  readonly isPrimary: boolean;
}

/** Properties of a table's rows that affect its key. */
export interface MadeRows {
  /** The run is for an interval: later runs write the same keys. */
  readonly isInterval: boolean;
  /** A list became a row for each element. */
  readonly isExploded: boolean;
}

/** @returns `null` if no columns distinguish the rows */
export function madeKey(
  { key, mode, partitionBy }: PostgresWrite,
  { isInterval, isExploded }: MadeRows,
): MadeKey | null {
  if (key.length === 0) return null;
  if (isExploded && mode !== "upsert") return { columns: key, isPrimary: false };
  const further = mode === "append" ? [ownColumns.run] : mode === "replace" && isInterval ? partitionBy : [];
  return { columns: [...key, ...further.filter((column) => !key.includes(column))], isPrimary: true };
}
