/** Names and texts as SQL has them. Values never come this way: they are bound. */

import { SpecError } from "../errors.js";
import { isName, type TableName } from "../job/connection.js";

/** @throws SpecError `postgres.bad-name` for what PostgreSQL would cut off or cannot have */
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

/** A text where SQL takes no parameter: the id of a snapshot, the value of a setting. */
export function quoteText(text: string): string {
  if (text.includes("\0"))
    throw new SpecError("postgres.bad-text", "PostgreSQL has no text with a byte of 0 in it.");
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes("\\") ? ` E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}
