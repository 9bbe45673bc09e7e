/** The key of a table that is made: of the input's key, and of what tells its rows apart beyond that. */

import { ownColumns } from "./columns/written-columns.js";
import type { PostgresWrite } from "./postgres-write.js";

export interface MadeKey {
  readonly columns: readonly string[];
  /** An index alone where the elements of a list have the same key. */
  readonly isPrimary: boolean;
}

/** What makes a table's rows what they are. */
export interface MadeRows {
  /** The run is for an interval: others follow with the same keys. */
  readonly isInterval: boolean;
  /** A list became a row for each element. */
  readonly isExploded: boolean;
}

/** @returns `null` where nothing tells rows apart */
export function madeKey(
  { key, mode, partitionBy }: PostgresWrite,
  { isInterval, isExploded }: MadeRows,
): MadeKey | null {
  if (key.length === 0) return null;
  if (isExploded && mode !== "upsert") return { columns: key, isPrimary: false };
  const further = mode === "append" ? [ownColumns.run] : mode === "replace" && isInterval ? partitionBy : [];
  return { columns: [...key, ...further.filter((column) => !key.includes(column))], isPrimary: true };
}
