/**
 * Rolls back the publications that readers see: removes the rows that each wrote, and restores the rows that
 * it replaced.
 */

import { SpecError } from "../../errors.js";
import { tableText } from "../../job/connection.js";
import { findTable } from "../../postgres/catalogue.js";
import { quoteName, quoteNames, quoteTable } from "../../postgres/identifiers.js";
import type { Session } from "../../postgres/session.js";
import type { RolledBack } from "../sink.js";
import { ownColumns } from "./columns/written-columns.js";
import { type LockWaits, lockAlone } from "./moving/lock-table.js";
import { inArea, storedColumns, type Undo } from "./moving/move.js";
import { sameValues } from "./moving/moves.js";
import { putInPlace, type QualifiedName } from "./moving/replica.js";
import { lockTarget } from "./record.js";

interface Head {
  readonly publication: string;
  readonly run: string;
  readonly runId: string;
  readonly beneath: string | null;
  readonly undo: Undo | null;
  /** Number of rows that it wrote; `null` if its record does not contain it. */
  readonly rows: number | null;
}

export interface RollbackRequest {
  /**
   * The publication that readers saw when the rollback was requested: a newer one must not be rolled back.
   */
  readonly seen: string | null;
  /** Number of publications to roll back. */
  readonly last: number;
  readonly waits: LockWaits;
}

/** In one transaction, the newest first. */
export async function rollBackIn(
  session: Session,
  name: QualifiedName,
  { seen, last, waits }: RollbackRequest,
): Promise<RolledBack> {
  const target = tableText(name);
  let head = await lockTarget(session, target);
  if (head !== seen) throw moved(target, seen, head);
  await lockPartitions(session, name, await heads(session, head, last), waits);
  await session.query("set constraints all deferred");
  const hidden: Head[] = [];
  while (hidden.length < last) {
    if (head === null && hidden.length > 0)
      throw nothingBefore(target, `publication ${hidden.at(-1)?.publication} is the first one`);
    const found = await takeBackHead(session, name, head);
    hidden.push(found);
    head = found.beneath;
  }
  const visible = head === null ? null : await headOf(session, head);
  return {
    publication: Number(seen),
    visibleRunId: visible?.runId ?? null,
    ...(visible === null || visible.rows === null ? {} : { visibleRows: visible.rows }),
    hiddenRunIds: hidden.map(({ runId }) => runId),
  };
}

/** Returns the publications to roll back, as far as there are records. */
async function heads(session: Session, first: string | null, most: number): Promise<readonly Head[]> {
  const found: Head[] = [];
  for (let next = first; next !== null && found.length < most; ) {
    const head = await headOf(session, next);
    if (head === null) break;
    found.push(head);
    next = head.beneath;
  }
  return found;
}

/** Locks the table and all affected partitions before the first change. */
async function lockPartitions(
  session: Session,
  table: QualifiedName,
  taken: readonly Head[],
  waits: LockWaits,
): Promise<void> {
  const partitions = taken.flatMap(({ undo }) =>
    undo?.kind === "attach" ? undo.partitions.map(({ partition }) => partition) : [],
  );
  if (partitions.length === 0) return;
  const { rows: there } = await session.query<QualifiedName>(
    `select n.nspname::text as schema, c.relname::text as name
     from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace
     where i.inhparent = to_regclass($1)
       and (c.oid in (select to_regclass(place) from unnest($2::text[]) place)
            or pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT')
     order by c.oid`,
    [quoteTable(table), partitions.map((partition) => quoteTable(partition))],
  );
  if (there.length > 0) await lockAlone(session, [table, ...there], waits);
}

async function takeBackHead(session: Session, name: QualifiedName, head: string | null): Promise<Head> {
  const target = tableText(name);
  const found = head === null ? null : await headOf(session, head);
  if (found === null) throw nothingBefore(target, "nothing is published there");
  if (found.undo === null)
    throw nothingBefore(
      target,
      found.beneath === null
        ? `publication ${found.publication} is the first one`
        : `the rows before publication ${found.publication} are no longer stored`,
    );
  const table = await findTable(session, name);
  if (table === null) throw nothingBefore(target, "the table is gone");
  await takeBack(session, name, found, found.undo);
  await dropUndo(session, found.undo);
  await session.query(
    "update nightshift.publications set rolled_back_at = clock_timestamp(), undo = null where publication = $1",
    [found.publication],
  );
  await session.query("update nightshift.publications set superseded_by = null where superseded_by = $1", [
    found.publication,
  ]);
  await session.query("update nightshift.targets set head = $2 where target = $1", [target, found.beneath]);
  return found;
}

async function headOf(session: Session, publication: string): Promise<Head | null> {
  const { rows } = await session.query<Head>(
    `select p.publication, p.run::text as run, r.run_id as "runId", p.beneath, p.undo,
            (p.details ->> 'rows')::float8 as rows
     from nightshift.publications p join nightshift.runs r on r.sequence = p.run where p.publication = $1`,
    [publication],
  );
  return rows[0] ?? null;
}

async function takeBack(session: Session, table: QualifiedName, head: Head, undo: Undo): Promise<void> {
  const place = quoteTable(table);
  const isOurs = `${quoteName(ownColumns.run)} = ${head.run}`;
  switch (undo.kind) {
    case "rows":
      await session.query(`delete from ${place} where ${isOurs}`);
      if (undo.removed !== null) await putBack(session, place, undo.removed);
      return;
    case "whole":
      await session.query(`delete from ${place}`);
      await putBack(session, place, undo.removed);
      return;
    case "values":
      await session.query(`delete from ${place} where ${sameValues(undo.columns, undo.written, place)}`);
      await putBack(session, place, undo.removed);
      return;
    case "upsert":
      await putOldRowsBack(session, place, isOurs, undo.replaced, undo.key);
      return;
    case "attach":
      for (const { partition, bound, before } of undo.partitions) {
        await session.query(`alter table ${place} detach partition ${quoteTable(partition)}`);
        await session.query(`drop table ${quoteTable(partition)}`);
        if (before === null) continue;
        await putInPlace(session, before.name, partition, before.indexes);
        await session.query(`alter table ${place} attach partition ${quoteTable(partition)} ${bound}`);
      }
  }
}

async function putBack(session: Session, place: string, removed: string, where = ""): Promise<void> {
  const columns = quoteNames(await columnsBack(session, place, removed));
  await session.query(
    `insert into ${place} (${columns}) overriding system value select ${columns} from ${inArea(removed)} u ${where}`,
  );
}

/**
 * Returns the columns to restore: a column that was added since gets its default, a dropped column stays
 * dropped.
 */
async function columnsBack(session: Session, place: string, kept: string): Promise<readonly string[]> {
  const there = await storedColumns(session, place);
  const before = await storedColumns(session, inArea(kept));
  return there.filter((column) => before.includes(column));
}

/** Rows that a newer run has changed since stay as they are. */
async function putOldRowsBack(
  session: Session,
  place: string,
  isOurs: string,
  replaced: string,
  key: readonly string[],
): Promise<void> {
  const same = key.map((column) => `u.${quoteName(column)} = t.${quoteName(column)}`).join(" and ");
  const columns = (await columnsBack(session, place, replaced))
    .filter((column) => !key.includes(column))
    .map(quoteName);
  const sets = columns.map((column) => `${column} = u.${column}`).join(", ");
  await session.query(
    `delete from ${place} t where ${isOurs} and not exists (select from ${inArea(replaced)} u where ${same})`,
  );
  await session.query(
    `update ${place} t set ${sets} from ${inArea(replaced)} u where ${same} and t.${isOurs}`,
  );
  await putBack(session, place, replaced, `where not exists (select from ${place} t where ${same})`);
}

/** Drops the rollback data. */
export async function dropUndo(session: Session, undo: Undo): Promise<void> {
  for (const name of tablesOf(undo)) await session.query(`drop table if exists ${inArea(name)}`);
}

function tablesOf(undo: Undo): readonly string[] {
  switch (undo.kind) {
    case "rows":
      return undo.removed === null ? [] : [undo.removed];
    case "whole":
      return [undo.removed];
    case "values":
      return [undo.removed, undo.written];
    case "upsert":
      return [undo.replaced];
    case "attach":
      return undo.partitions.flatMap(({ before }) => (before === null ? [] : [before.name]));
  }
}

function nothingBefore(target: string, why: string): SpecError {
  return new SpecError("refused.nothing-to-roll-back", `cannot roll back ${target}: ${why}`, {
    hint: "Run the job again with --reprocess to publish again.",
    details: { target },
  });
}

function moved(target: string, seen: string | null, head: string | null): SpecError {
  return new SpecError(
    "refused.publication-moved",
    `${target}: publication ${seen ?? "none"} is no longer the visible one: ${head ?? "none"} is`,
    { hint: "Check what is published now, then roll back again if that is still wanted." },
  );
}
