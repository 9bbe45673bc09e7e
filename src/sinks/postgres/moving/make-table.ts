/** Creates a table for the predictions, without its key, which is added after its rows. */
import { BugError, InfraError } from "../../../errors.js";
import type { Run } from "../../../job/run.js";
import { findTable, type Table } from "../../../postgres/catalogue.js";
import { quoteName, quoteNames, quoteTable } from "../../../postgres/identifiers.js";
import type { Session } from "../../../postgres/session.js";
import { roomForUpserts, type Target } from "../area.js";
import { ownColumns } from "../columns/written-columns.js";
import { madeKey } from "../made-key.js";
import type { PostgresWrite } from "../postgres-write.js";
import type { Move } from "./move.js";

export async function makeTable(
  session: Session,
  target: Target,
  write: PostgresWrite,
  columns: Table["columns"],
): Promise<Table> {
  if (!write.create)
    throw new InfraError("infra.conflict", `${target.text} is gone.`, {
      hint: "Create it again, then retry.",
    });
  const own =
    write.mode === "append"
      ? [`${ownColumns.run} bigint`]
      : write.mode === "upsert"
        ? [`${ownColumns.run} bigint`, `${ownColumns.asOf} timestamptz`]
        : [];
  const all = [...columns.map(({ name, type }) => `${quoteName(name)} ${type}`), ...own];
  // Free space for the next version of each row on its own page: replacing all rows then takes half the time,
  // and the index does not change. Without it, the table grows to that size at its first upsert.
  const options = write.mode === "upsert" ? ` with (fillfactor = ${roomForUpserts})` : "";
  await session.query(`create table ${quoteTable(target.name)} (${all.join(", ")})${options}`);
  const made = await findTable(session, target.name);
  if (made === null) throw new BugError("bug.table-not-made", `${target.text} was made and is not there.`);
  return made;
}

export async function addKey({ session, table, write, isExploded }: Move, run: Run): Promise<void> {
  const place = quoteTable(table.name);
  const key = madeKey(write, { isInterval: run.interval !== null, isExploded });
  if (key !== null)
    await session.query(
      key.isPrimary
        ? `alter table ${place} add primary key (${quoteNames(key.columns)})`
        : `create index on ${place} (${quoteNames(key.columns)})`,
    );
  if (write.mode === "append") await session.query(`create index on ${place} (${quoteName(ownColumns.run)})`);
}
