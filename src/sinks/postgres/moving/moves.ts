/** The methods that move staged rows into the table, each inside the publishing transaction. */
import { DataError, SpecError } from "../../../errors.js";
import { quoteName, quoteNames, quoteTable } from "../../../postgres/identifiers.js";
import { ownColumns } from "../columns/written-columns.js";
import { lockAlone } from "./lock-table.js";
import { inArea, insertStaged, type Move, type Moved, makeUndo, stagedRows, undoName } from "./move.js";
import { promoteStaging } from "./promote.js";
import { finishReplica, makeReplica, putAside, putInPlace, type QualifiedName } from "./replica.js";

/** Inserts into an empty table. */
export async function insertAll(move: Move): Promise<Moved> {
  const rows = await insertStaged(move, quoteTable(move.table.name));
  return { method: "insert", undo: null, rows };
}

/** Fills a table that was just created, or replaces it. */
export async function fill(move: Move): Promise<Moved> {
  const { session, table, publication, staging } = move;
  const replica = nextTable(publication);
  if (!(await promoteStaging(move, replica.name))) {
    const rows = await insertStaged(move, quoteTable(table.name));
    return { method: "create", undo: null, rows };
  }
  const names = await finishReplica(session, table.name, replica);
  await session.query(`drop table ${quoteTable(table.name)}`);
  await putInPlace(session, replica.name, table.name, names);
  return { method: "create", undo: null, rows: staging.rows };
}

/** Removes the rows of an earlier publication of the interval, and adds those of this run. */
export async function append(move: Move): Promise<Moved> {
  const { table, superseded } = move;
  let removed: string | null = null;
  if (superseded.length > 0) {
    removed = await makeUndo(move);
    await moveOut(move, removed, `${quoteName(ownColumns.run)} in (${superseded.join(", ")})`);
  }
  const rows = await insertStaged(move, quoteTable(table.name));
  return { method: "append", undo: { kind: "rows", removed }, rows };
}

/** Replaces all rows inside the existing table, for tables that other objects depend on. */
export async function rewrite(move: Move): Promise<Moved> {
  const { session, table } = move;
  await session.query("set constraints all deferred");
  const removed = await makeUndo(move);
  await moveOut(move, removed, "true");
  const rows = await insertStaged(move, quoteTable(table.name));
  return { method: "rewrite", undo: { kind: "whole", removed }, rows };
}

/** Replaces the rows with the run's values of `partition_by`. */
export async function rewriteValues(move: Move): Promise<Moved> {
  const { session, table, publication, write } = move;
  const { partitionBy } = write;
  await session.query("set constraints all deferred");
  const written = `undo_${publication}_values`;
  const values = quoteNames(partitionBy);
  await session.query(
    `create table ${inArea(written)} as select distinct ${values} from (${stagedRows(move, sourceColumns(partitionBy))}) rows`,
  );
  const removed = await makeUndo(move);
  await moveOut(move, removed, sameValues(partitionBy, written, quoteTable(table.name)));
  const rows = await insertStaged(move, quoteTable(table.name));
  return { method: "values", undo: { kind: "values", removed, written, columns: partitionBy }, rows };
}

/** Returns a condition on rows of `place`. Nulls are compared like values. */
export function sameValues(columns: readonly string[], values: string, place: string): string {
  const pairs = columns.map(
    (column) => `v.${quoteName(column)} is not distinct from ${place}.${quoteName(column)}`,
  );
  return `exists (select from ${inArea(values)} v where ${pairs.join(" and ")})`;
}

function sourceColumns(columns: readonly string[]): string {
  return columns.map((column) => `s.${quoteName(column)}`).join(", ");
}

/** Replaces the table with a new one. */
export async function swap(move: Move): Promise<Moved> {
  const { session, table, publication, waits } = move;
  const replica = nextTable(publication);
  const rows = await fillReplica(move, replica);
  const names = await finishReplica(session, table.name, replica);
  await lockAlone(session, [table.name], waits);
  const removed = undoName(move);
  await putAside(session, table.name, removed);
  await putInPlace(session, replica.name, table.name, names);
  return { method: "swap", undo: { kind: "whole", removed }, rows };
}

/** @returns the number of rows */
async function fillReplica(move: Move, replica: QualifiedName): Promise<number> {
  const { session, table, staging } = move;
  if (await promoteStaging(move, replica.name)) return staging.rows;
  await makeReplica(session, table.name, replica.name);
  return insertStaged(move, quoteTable(replica));
}

function nextTable(publication: string): QualifiedName {
  return { schema: "nightshift", name: `next_${publication}` };
}

/** Inserts or updates rows by key; existing rows are only replaced by newer ones. */
export async function upsert(move: Move): Promise<Moved> {
  const { session, table, write, columns, run, staging } = move;
  const place = quoteTable(table.name);
  const { key } = write;
  await refuseTwice(move);
  const isOlder = olderThan(run.sequence, run.asOf, "t");
  const replaced = undoName(move);
  const keys = quoteNames(key);
  const values = columns.filter((column) => !key.includes(column));
  const staged = stagedRows(move, sourceColumns([...key, ...values]));
  const flag = quoteName(freeName("nightshift_unchanged", table.columns));
  // A single statement, because the server may use several cores for it, which it never does for an INSERT.
  // The comparison is part of the join that is needed anyway: a separate join to count would take four times
  // as long.
  const { rowCount } = await session.query(
    `create table ${inArea(replaced)} as select t.*, ${sameRow(values)} as ${flag}
     from ${place} t join (${staged}) s using (${keys}) where ${isOlder}`,
  );
  const equal = await takeCount(session, inArea(replaced), flag);
  const deleted = write.onMissing === "delete" ? await deleteMissing(move, replaced) : 0;
  const own = [ownColumns.run, ownColumns.asOf];
  // Versions advance even if no other value changes; otherwise a run in between would still win.
  const sets = [...values, ...own].map((column) => `${quoteName(column)} = excluded.${quoteName(column)}`);
  const alias = `${place} as t`;
  const conflict = `on conflict (${keys}) do update set ${sets.join(", ")} where ${isOlder}`;
  const rows = await insertStaged(move, alias, { conflict });
  const found = Math.min(rowCount ?? 0, rows);
  const unchanged = Math.min(equal, found);
  const changes = {
    ...{ inserted: rows - found, updated: found - unchanged, unchanged },
    ...{ older: staging.rows - rows, deleted },
  };
  return { method: "upsert", undo: { kind: "upsert", replaced, key }, rows, changes };
}

/**
 * Compares the row `t` of the table with the staged row `s` in their stored form. This is defined for every
 * type, including json and extension types, regardless of the search path.
 */
function sameRow(columns: readonly string[]): string {
  const row = (alias: string) => `row(${columns.map((name) => `${alias}.${quoteName(name)}`).join(", ")})`;
  return columns.length === 0 ? "true" : `pg_catalog.record_image_eq(${row("t")}, ${row("s")})`;
}

/**
 * Counts the rows with the flag and drops its column: rows that are kept for a rollback have only the table's
 * columns.
 */
async function takeCount(session: Move["session"], place: string, flag: string): Promise<number> {
  const { rows } = await session.query<{ flagged: string }>(
    `select count(*) as flagged from ${place} where ${flag}`,
  );
  await session.query(`alter table ${place} drop column ${flag}`);
  return Number(rows[0]?.flagged);
}

function freeName(name: string, taken: readonly { readonly name: string }[]): string {
  return taken.some((column) => column.name === name) ? freeName(`${name}_`, taken) : name;
}

/** A row without a run is older than any run. */
function olderThan(sequence: string, asOf: string, table: string): string {
  const [run, at] = [ownColumns.run, ownColumns.asOf].map((column) => `${table}.${quoteName(column)}`);
  return `(${run} is null or ${at} is null or (${at}, ${run}) < ('${asOf}'::timestamptz, ${sequence}::bigint))`;
}

/**
 * Selects rows that the same job wrote and that no newer run has changed. Quarantined keys are not missing.
 * They are compared as column values, since a text may be written in several ways.
 */
/** Deletes the missing rows. @returns the number of rows */
async function deleteMissing(move: Move, removed: string): Promise<number> {
  const { session, table, write, run } = move;
  const { key } = write;
  const place = quoteTable(table.name);
  const same = (other: string) =>
    key.map((column) => `${other}.${quoteName(column)} = t.${quoteName(column)}`).join(" and ");
  const quarantined = table.columns
    .filter(({ name }) => key.includes(name))
    .map(({ name, type }) => `(q.key ->> ${literal(name)})::${type} = t.${quoteName(name)}`)
    .join(" and ");
  const { rowCount } = await session.query(
    `with gone as (
       delete from ${place} t using nightshift.runs r, nightshift.runs own
       where own.sequence = ${run.sequence} and r.sequence = t.${quoteName(ownColumns.run)} and r.job_id = own.job_id
         and ${olderThan(run.sequence, run.asOf, "t")}
         and not exists (select from (${stagedRows(move, sourceColumns(key))}) s where ${same("s")})
         and not exists (select from nightshift.quarantine q join nightshift.attempts a on a.number = q.attempt
                         where a.run = ${run.sequence} and a.accepted and ${quarantined})
       returning t.*)
     insert into ${inArea(removed)} select * from gone`,
  );
  return rowCount ?? 0;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Refuses duplicate keys: none of their rows takes precedence. */
export async function refuseTwice(move: Move): Promise<void> {
  const { session, write } = move;
  const keys = quoteNames(write.key);
  const { rows } = await session.query<{ keys: string }>(
    `select count(*) as keys from (select 1 from (${stagedRows(move, sourceColumns(write.key))}) s
     group by ${keys} having count(*) > 1) twice`,
  );
  const keysTwice = Number(rows[0]?.keys);
  if (keysTwice === 0) return;
  throw new DataError(
    "data.key-twice",
    `${keysTwice} ${keysTwice === 1 ? "key is" : "keys are"} in the input more than once (${write.key.join(", ")}): which row should win?`,
    {
      hint: "Make the key of the input unique, or name more columns in write.key.",
      details: { keys: keysTwice },
    },
  );
}

/** Moves rows from the table into a table that keeps them for a rollback. */
async function moveOut({ session, table }: Move, to: string, where: string): Promise<void> {
  const place = quoteTable(table.name);
  await session.query(
    `with gone as (delete from ${place} where ${where} returning *) insert into ${inArea(to)} select * from gone`,
  );
}

/** A target in mode `error` must still be empty at the end. */
export async function refuseRows(move: Pick<Move, "session" | "table">): Promise<void> {
  const { rows } = await move.session.query(`select 1 from ${quoteTable(move.table.name)} limit 1`);
  if (rows.length > 0) throw targetExists(quoteTable(move.table.name));
}

function targetExists(place: string): SpecError {
  return new SpecError(
    "refused.target-exists",
    `${place} has rows, and mode \`error\` never replaces or adds any`,
    {
      hint: "Set `mode: append`, `replace` or `upsert` in the job, or choose another table.",
    },
  );
}
