/** Chooses how rows are moved into an existing table: by its mode, and by what a faster method would lose. */
import { SpecError } from "../../../errors.js";
import type { Table } from "../../../postgres/catalogue.js";
import { quoteTable } from "../../../postgres/identifiers.js";
import type { Session } from "../../../postgres/session.js";
import type { PostgresWrite } from "../postgres-write.js";
import { partitionColumn } from "./attach.js";
import { whyNotPlain } from "./plain-table.js";

export type Method =
  | { readonly kind: "insert" | "append" | "upsert" | "swap" | "values" | "attach" }
  /** `why`: what a swap would lose. */
  | { readonly kind: "rewrite"; readonly why: string };

/** @param isInterval whether the run is for an interval: only then `partition_by` limits what is replaced */
export async function chooseMethod(
  session: Session,
  table: Table,
  { mode, partitionBy }: PostgresWrite,
  isInterval: boolean,
): Promise<Method> {
  if (mode === "error") return { kind: "insert" };
  if (mode !== "replace") return { kind: mode };
  if (isInterval && partitionBy.length > 0) {
    const own = await partitionColumn(session, table);
    const isNative = own !== null && partitionBy.length === 1 && partitionBy[0] === own.column;
    if (isNative) return { kind: "attach" };
    await refuseReferenced(session, table);
    return { kind: "values" };
  }
  const why = await whyNotPlain(session, table.oid);
  if (why === null) return { kind: "swap" };
  await refuseReferenced(session, table);
  return { kind: "rewrite", why };
}

export function describeMethod(method: Method, place: string, { partitionBy }: PostgresWrite): string {
  const values = partitionBy.join(", ");
  switch (method.kind) {
    case "insert":
      return `fills ${place}, which is empty`;
    case "append":
      return `adds rows to ${place}; those of the same interval are replaced`;
    case "upsert":
      return `replaces rows of ${place} by key, where they are older`;
    case "swap":
      return `creates a new table and swaps it for ${place}`;
    case "values":
      return `deletes the rows of ${place} with the ${values} that it writes, and inserts them again`;
    case "attach":
      return `attaches new partitions to ${place} by ${values}, and detaches the old ones`;
    case "rewrite":
      return `deletes all rows of ${place} and inserts them again: ${method.why}`;
  }
}

/** Deleting a row that foreign keys reference fails, or deletes the referencing rows too. */
async function refuseReferenced(session: Session, { oid, name }: Table): Promise<void> {
  const { rows } = await session.query<{ other: string }>(
    `select conrelid::regclass::text as other from pg_constraint
     where confrelid = $1 and contype = 'f' and not (condeferrable and confdeltype = 'a') limit 1`,
    [oid],
  );
  const [found] = rows;
  if (found === undefined) return;
  throw new SpecError(
    "refused.referenced",
    `Rows of ${found.other} refer to ${quoteTable(name)}: deleting rows there would fail, or delete those too.`,
    { hint: "Use `mode: upsert`; or make that foreign key `on delete no action deferrable`." },
  );
}
