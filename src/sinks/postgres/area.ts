/**
 * The layout of the schema `nightshift`: runs and attempts by number, staged rows, and rows that a rollback
 * needs.
 *
 * A run has one staging table, `staging_<run>`, for all of its attempts: each row contains the number of its
 * attempt. A table for each attempt would need a lock for each in the publishing transaction, and a server
 * has room for only some thousands of locks.
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

/**
 * A table that is published to, as the sink's record names it: with its schema, as resolved by `search_path`.
 */
export interface Target {
  /** `schema.table`: its name in the sink's record. */
  readonly text: string;
  readonly name: TableName & { readonly schema: string };
  /** `null` if the table does not exist. */
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
  /** As the database formats it. */
  readonly asOf: string;
}

/**
 * Assigns a number to a run, and the time for which its rows are valid. Repeated calls return the same
 * values.
 */
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

/** Percentage of each page that tables created for upserts leave free for the next version of each row. */
export const roomForUpserts = 50;

/**
 * Creates the run's staging table if it does not exist, safely with concurrent callers, and as similar to the
 * target as possible.
 */
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
      // Logged: rows of an accepted attempt must survive a crash of the server.
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

/**
 * In the target's order. Columns of Nightshift come last, so that they can be dropped later without a gap.
 */
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
  // Only a staging table that replaces the target may take over its storage options.
  if (mode !== "replace") return null;
  const { rows } = await session.query<{ factor: number }>(
    `select o.option_value::int as factor from pg_class c, pg_options_to_table(c.reloptions) o
     where c.oid = $1 and o.option_name = 'fillfactor'`,
    [target.oid],
  );
  return rows[0]?.factor ?? null;
}

/** Returns the staging table without the columns of Nightshift. */
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

/** Assigns a number to an attempt. No id may be used twice. */
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

/** Returns the COPY target for the rows of an attempt: the table with its columns. */
export function stagingTarget(run: RegisteredRun, { columns, exploded }: WrittenColumns): string {
  const own = [stagingColumns.attempt, ...(exploded === null ? [] : [stagingColumns.element])];
  return `${stagingTable(run)} (${quoteNames([...own, ...columns.map(({ name }) => name)])})`;
}

/**
 * Translates an error of a statement on a run's staging table: the server reports that the table does not
 * exist. A coordinator with another ledger has decided the run, and its publication dropped the table; the
 * sink's record shows the decision.
 * @returns `null` for every other error
 */
export function stagingGone(thrown: unknown): InfraError | null {
  const { code, message } = thrown as { readonly code?: unknown; readonly message?: unknown };
  return code === "42P01" && String(message).includes("nightshift.staging_") ? decided() : null;
}

function decided(): InfraError {
  return new InfraError(
    "infra.run-decided",
    "The staging table of the run is gone: another process has published or dropped the run, or the table was dropped by hand.",
    {
      hint: "Run the same command again: it finds what was published. If it fails again, start over: nightshift run (or score) with --restart.",
    },
  );
}
