/**
 * Stores rows that could not be scored in `nightshift.quarantine`, and copies them to the job's own
 * quarantine table if it has one.
 */

import { InfraError, SpecError } from "../../errors.js";
import type { RowsTable } from "../../host/host.js";
import { type TableName, tableText } from "../../job/connection.js";
import type { Run } from "../../job/run.js";
import { findTable, type Table } from "../../postgres/catalogue.js";
import { quoteNames, quoteTable } from "../../postgres/identifiers.js";
import type { Session } from "../../postgres/session.js";
import type { RegisteredRun } from "./area.js";
import type { PostgresWrite } from "./postgres-write.js";

/** Columns of a quarantine table and the sources of their values. */
const columns = [
  { name: "run_id", type: "text", sql: "$2::text" },
  { name: "job", type: "text", sql: "$3::text" },
  { name: "interval_start", type: "timestamptz", sql: "$4::timestamptz" },
  { name: "key", type: "jsonb", sql: "q.key" },
  { name: "file", type: "text", sql: "q.file" },
  { name: "row_number", type: "bigint", sql: "q.row_number" },
  { name: "reason", type: "text", sql: "q.reason" },
  { name: "message", type: "text", sql: "q.message" },
] as const;

/** Refuses a table that cannot store the rows. @throws SpecError `postgres.quarantine-columns` */
export async function checkQuarantine(
  session: Session,
  { quarantine, create }: PostgresWrite,
): Promise<void> {
  if (quarantine?.kind !== "table") return;
  const table = await findTable(session, quarantine.table);
  if (table === null && create) return;
  const missing = columns.filter(
    ({ name }) => table?.columns.some((column) => column.name === name) !== true,
  );
  if (table !== null && missing.length === 0) return;
  const place = tableText(quarantine.table);
  throw new SpecError(
    "postgres.quarantine-columns",
    table === null
      ? `There is no table ${place} for rows that cannot be scored.`
      : `${place} lacks ${missing.map(({ name }) => name).join(", ")}, which rows that cannot be scored are put into.`,
    {
      hint:
        table === null
          ? `${tableSql(quarantine.table)};`
          : `Add ${missing.map(({ name, type }) => `${name} ${type}`).join(", ")}.`,
    },
  );
}

/** Copies the quarantined rows of accepted attempts, inside the publishing transaction. */
export async function publishQuarantine(
  session: Session,
  { quarantine, create }: PostgresWrite,
  run: Run,
  { sequence }: RegisteredRun,
): Promise<void> {
  if (quarantine?.kind !== "table") return;
  const table =
    (await findTable(session, quarantine.table)) ?? (create ? await make(session, quarantine.table) : null);
  if (table === null) throw new InfraError("infra.conflict", `${tableText(quarantine.table)} is gone.`);
  await session.query(
    `insert into ${quoteTable(table.name)} (${quoteNames(columns.map(({ name }) => name))})
     select ${columns.map(({ sql }) => sql).join(", ")}
     from nightshift.quarantine q join nightshift.attempts a on a.number = q.attempt
     where a.run = $1 and a.accepted order by a.partition, q.file, q.row_number`,
    [sequence, run.id, run.jobName, run.interval?.start ?? null],
  );
}

async function make(session: Session, name: TableName): Promise<Table | null> {
  await session.query(tableSql(name));
  return findTable(session, name);
}

function tableSql(name: TableName): string {
  return `create table ${quoteTable(name)} (${columns.map((column) => `${column.name} ${column.type}`).join(", ")})`;
}

/** Returns quarantined rows of a published run; `null` if there are none. */
export async function quarantinedRows(
  session: Session,
  target: string,
  runId: string,
  limit: number,
): Promise<RowsTable | null> {
  const { rows } = await session.query<QuarantinedRow>(
    `select q.key, q.file, q.row_number as "rowNumber", q.reason, q.message
     from nightshift.quarantine q join nightshift.attempts a on a.number = q.attempt
     join nightshift.runs r on r.sequence = a.run
     where r.target = $1 and r.run_id = $2 and a.accepted order by a.partition, q.row_number limit $3`,
    [target, runId, limit],
  );
  const [first] = rows;
  if (first === undefined) return null;
  const key = Object.keys(first.key ?? {});
  return {
    columns: [...key, "file", "row_number", "reason", "message"],
    rows: rows.map((row) => [
      ...key.map((column) => row.key?.[column] ?? null),
      row.file,
      Number(row.rowNumber),
      row.reason,
      row.message,
    ]),
  };
}

interface QuarantinedRow {
  readonly key: { readonly [column: string]: RowsTable["rows"][number][number] } | null;
  readonly file: string;
  readonly rowNumber: string;
  readonly reason: string;
  readonly message: string;
}
