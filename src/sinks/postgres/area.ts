/**
 * What lies where in the schema `nightshift`: runs and attempts by number, staged rows, and rows that a rollback needs.
 *
 * A run has one staging table, `staging_<run>`, for all of its attempts: each row carries the number of the attempt that
 * wrote it. A table for each attempt would be a lock for each of them in the publishing transaction, and a server has
 * room for some thousands.
 */

import { BugError, InfraError, SpecError } from "../../errors.js";
import type { TableName } from "../../job/connection.js";
import { tableText } from "../../job/connection.js";
import type { Run } from "../../job/run.js";
import { findTable, type Table } from "../../postgres/catalogue.js";
import { quoteName, quoteNames } from "../../postgres/identifiers.js";
import type { Session } from "../../postgres/session.js";
import type { WrittenColumns } from "./columns/written-columns.js";
import type { PostgresWrite } from "./postgres-write.js";

export const stagingColumns = { attempt: "nightshift_attempt", element: "nightshift_element" } as const;

/** A table that is published to, as the record has it: with its schema, wherever `search_path` led. */
export interface Target {
  /** `schema.table`: the record's name for it. */
  readonly text: string;
  readonly name: TableName & { readonly schema: string };
  /** `null` while there is none. */
  readonly table: Table | null;
}

export async function findTarget(session: Session, name: TableName): Promise<Target> {
  const table = await findTable(session, name);
  const schema = table?.name.schema ?? name.schema ?? (await currentSchema(session));
  const found = { schema, name: name.name };
  return { text: tableText(found), name: found, table };
}

async function currentSchema(session: Session): Promise<string> {
  const { rows } = await session.query<{ schema: string | null }>("select current_schema()::text as schema");
  const schema = rows[0]?.schema ?? null;
  if (schema !== null) return schema;
  throw new SpecError("postgres.no-such-schema", "This role's search_path leads to no schema.", {
    hint: "Write the table with its schema: `table: schema.name`.",
  });
}

export interface RegisteredRun {
  /** Grows with the order in which runs began. */
  readonly sequence: string;
  /** As the database writes it. */
  readonly asOf: string;
}

/** Gives a run its number and the time that its rows are true for; the same ones however often it is asked. */
export async function registerRun(session: Session, target: string, run: Run): Promise<RegisteredRun> {
  const { jobId, scope, generation } = run.key;
  const wanted = [target, run.id];
  await session.query(
    `insert into nightshift.runs (target, run_id, job_id, job_name, scope, generation, interval_start, as_of)
     values ($1, $2, $3, $4, $5, $6, $7, coalesce($8::timestamptz, clock_timestamp()))
     on conflict (target, run_id) do nothing`,
    [
      ...wanted,
      jobId,
      run.jobName,
      scope,
      generation,
      run.interval?.start ?? null,
      run.interval?.end ?? null,
    ],
  );
  const { rows } = await session.query<{ sequence: string; asOf: string }>(
    `select sequence::text, as_of::text as "asOf" from nightshift.runs where target = $1 and run_id = $2`,
    wanted,
  );
  const [registered] = rows;
  if (registered === undefined)
    throw new BugError("bug.run-not-registered", `${run.id} is not in nightshift.runs.`);
  return registered;
}

/** Quoted. */
export function stagingTable({ sequence }: Pick<RegisteredRun, "sequence">): string {
  return `nightshift.${quoteName(`staging_${sequence}`)}`;
}

/** For the next version of each row: what is made for upserts leaves as much of each page free, in percent. */
export const roomForUpserts = 50;

/** Makes the run's staging table unless it is there, whoever else does the same: as like the target as it can be. */
export async function ensureStaging(
  session: Session,
  run: RegisteredRun,
  written: WrittenColumns,
  { target, mode }: { readonly target: Table | null; readonly mode: PostgresWrite["mode"] },
): Promise<void> {
  const table = stagingTable(run);
  if (await exists(session, table)) return;
  await session.query("begin");
  try {
    await session.query("select pg_advisory_xact_lock(hashtext('nightshift staging'), $1)", [
      Number(run.sequence) % 2 ** 31,
    ]);
    const { rows } = await session.query("select 1 from nightshift.publications where run = $1", [
      run.sequence,
    ]);
    if (rows.length > 0) throw decided();
    if (!(await exists(session, table))) {
      const columns = columnDefinitions(written, target).join(", ");
      const room = await fillFactor(session, target, mode);
      // Logged: what an attempt was accepted for has to outlive a crash of the server.
      await session.query(
        `create table ${table} (${columns}) with (autovacuum_enabled = false${room === null ? "" : `, fillfactor = ${room}`})`,
      );
    }
    await session.query("commit");
  } catch (error) {
    await session.query("rollback").catch(() => undefined);
    throw error;
  }
}

/** In the target's order; ours behind them, where nobody misses them later. */
function columnDefinitions({ columns, exploded }: WrittenColumns, target: Table | null): readonly string[] {
  const place = (name: string): number =>
    target?.columns.findIndex((column) => column.name === name) ?? columns.length;
  const theirs = columns.toSorted((a, b) => place(a.name) - place(b.name));
  return [
    ...theirs.map(({ name, type }) => `${quoteName(name)} ${type}`),
    ...(exploded === null ? [] : [`${quoteName(stagingColumns.element)} integer not null`]),
    `${quoteName(stagingColumns.attempt)} integer not null`,
  ];
}

async function fillFactor(
  session: Session,
  target: Table | null,
  mode: PostgresWrite["mode"],
): Promise<number | null> {
  if (target === null) return mode === "upsert" ? roomForUpserts : null;
  // Only what replaces a table may come to lie as that does.
  if (mode !== "replace") return null;
  const { rows } = await session.query<{ factor: number }>(
    `select o.option_value::int as factor from pg_class c, pg_options_to_table(c.reloptions) o
     where c.oid = $1 and o.option_name = 'fillfactor'`,
    [target.oid],
  );
  return rows[0]?.factor ?? null;
}

/** The staging table as predictions see it: without our own columns. */
export async function stagedColumns(session: Session, { sequence }: RegisteredRun): Promise<Table> {
  const table = await findTable(session, { schema: "nightshift", name: `staging_${sequence}` });
  if (table === null) throw decided();
  const own: readonly string[] = Object.values(stagingColumns);
  return { ...table, columns: table.columns.filter(({ name }) => !own.includes(name)) };
}

async function exists(session: Session, table: string): Promise<boolean> {
  const { rows } = await session.query<{ found: boolean }>("select to_regclass($1) is not null as found", [
    table,
  ]);
  return rows[0]?.found === true;
}

/** Every attempt has a number of its own, and no id is used twice. */
export async function registerAttempt(
  session: Session,
  run: RegisteredRun,
  attempt: { readonly id: string; readonly partition: number; readonly epoch: number },
): Promise<number> {
  const { rows } = await session.query<{ number: number }>(
    `insert into nightshift.attempts (attempt_id, run, partition, epoch) values ($1, $2, $3, $4)
     on conflict (attempt_id) do nothing returning number`,
    [attempt.id, run.sequence, attempt.partition, attempt.epoch],
  );
  const [made] = rows;
  if (made === undefined)
    throw new BugError(
      "bug.attempt-twice",
      `attempt ${attempt.id} has staged before: an attempt is never repeated.`,
    );
  return made.number;
}

/** Where the rows of an attempt are copied to: the table with its columns. */
export function stagingTarget(run: RegisteredRun, { columns, exploded }: WrittenColumns): string {
  const own = [stagingColumns.attempt, ...(exploded === null ? [] : [stagingColumns.element])];
  return `${stagingTable(run)} (${quoteNames([...own, ...columns.map(({ name }) => name)])})`;
}

/**
 * Translates an error of a statement on a run's staging table: the server says that the table does not exist. A
 * coordinator with another ledger has decided the run, and its publication dropped the table; the sink's record tells.
 * @returns `null` for every other error
 */
export function stagingGone(thrown: unknown): InfraError | null {
  const { code, message } = thrown as { readonly code?: unknown; readonly message?: unknown };
  return code === "42P01" && String(message).includes("nightshift.staging_") ? decided() : null;
}

function decided(): InfraError {
  return new InfraError(
    "infra.run-decided",
    "The staging table of the run is gone: another process has published the run or given it up, or somebody dropped the table.",
    {
      hint: "Run the same command again: it finds what was published. If it fails again, start over: nightshift run (or score) with --restart.",
    },
  );
}
