/** Quotes names and texts for SQL. Values are never quoted here: they are bound as parameters. */

import { SpecError } from "../errors.js";
import { isName, type TableName } from "../job/connection.js";

/**
 * Quotes a name. @throws SpecError `postgres.bad-name` for a name that PostgreSQL would truncate or cannot
 * store
 */
export function quoteName(name: string): string {
  if (!isName(name))
    throw new SpecError("postgres.bad-name", `${JSON.stringify(name)} cannot be a name in PostgreSQL.`, {
      hint: "A name has 1 to 63 bytes, and none of them is 0.",
    });
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteNames(names: readonly string[]): string {
  return names.map(quoteName).join(", ");
}

export function quoteTable({ schema, name }: TableName): string {
  return schema === null ? quoteName(name) : `${quoteName(schema)}.${quoteName(name)}`;
}

/** Quotes a text where SQL accepts no parameter: the id of a snapshot, the value of a setting. */
export function quoteText(text: string): string {
  if (text.includes("\0"))
    throw new SpecError("postgres.bad-text", "PostgreSQL has no text with a byte of 0 in it.");
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes("\\") ? ` E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}
