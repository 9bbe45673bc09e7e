/** Data and functions that all methods of moving staged rows share. */

import type { RowChanges } from "../../../job/partition.js";
import type { Table } from "../../../postgres/catalogue.js";
import { quoteName, quoteNames, quoteTable, quoteText } from "../../../postgres/identifiers.js";
import type { Session } from "../../../postgres/session.js";
import { type RegisteredRun, stagingColumns, stagingTable } from "../area.js";
import { ownColumns } from "../columns/written-columns.js";
import { element } from "../copy/rows.js";
import type { PostgresWrite } from "../postgres-write.js";
import type { LockWaits } from "./lock-table.js";
import type { SwappedPartition } from "./replica.js";

/** A staged run with its counts. */
export interface StagedRun {
  readonly oid: number;
  readonly rows: number;
  /** The staging table only ever contained these rows, and no session can add any. */
  readonly isClosed: boolean;
}

export interface Move {
  readonly session: Session;
  readonly write: PostgresWrite;
  readonly table: Table;
  readonly run: RegisteredRun;
  readonly staging: StagedRun;
  readonly publication: string;
  /** Columns of the table that the staged rows have. */
  readonly columns: readonly string[];
  /** Staged rows are elements of lists. */
  readonly isExploded: boolean;
  /** Runs whose rows this one replaces: earlier runs of the same job and scope. */
  readonly superseded: readonly string[];
  /** The table was created in this transaction. */
  readonly isMade: boolean;
  readonly waits: LockWaits;
}

/** Data for a rollback of a publication. Table names are in the schema `nightshift`. */
export type Undo =
  | { readonly kind: "rows"; readonly removed: string | null }
  | { readonly kind: "upsert"; readonly replaced: string; readonly key: readonly string[] }
  | { readonly kind: "whole"; readonly removed: string }
  | { readonly kind: "attach"; readonly partitions: readonly SwappedPartition[] }
  | {
      readonly kind: "values";
      readonly removed: string;
      readonly written: string;
      readonly columns: readonly string[];
    };

export interface Moved {
  readonly method: string;
  /** `null`: the publication cannot be rolled back. */
  readonly undo: Undo | null;
  /** Number of rows that were added or replaced. */
  readonly rows: number;
  readonly changes?: RowChanges;
}

/**
 * Returns SQL for the rows of accepted attempts. Other rows in the run's staging table are from superseded or
 * zombie attempts.
 */
export function stagedRows({ run, isExploded }: Pick<Move, "run" | "isExploded">, select: string): string {
  return (
    `select ${select} from ${stagingTable(run)} s ` +
    `join nightshift.attempts a on a.number = s.${quoteName(stagingColumns.attempt)} ` +
    `where a.run = ${run.sequence} and a.accepted` +
    (isExploded ? ` and s.${quoteName(stagingColumns.element)} >= ${element.first}` : "")
  );
}

/**
 * Orders by key, so that the table and its index grow at one end; without a key, rows stay in the order of
 * the input.
 */
function inOrder({ write, columns, isExploded }: Move): string {
  const key = write.key.filter((column) => columns.includes(column)).map(quoteName);
  const rest = isExploded ? [quoteName(stagingColumns.element)] : [];
  const order = key.length > 0 ? [...key, ...rest].map((column) => `s.${column}`) : ["a.partition", "s.ctid"];
  return `order by ${order.join(", ")}`;
}

/** Inserts the staged rows into a table with the target's columns. @returns the number of rows */
export async function insertStaged(
  move: Move,
  into: string,
  { conflict = "", where = "" }: { readonly conflict?: string; readonly where?: string } = {},
): Promise<number> {
  const { session, columns } = move;
  const own = ownValues(move);
  const names = quoteNames([...columns, ...own.map(({ name }) => name)]);
  const values = [...columns.map((column) => `s.${quoteName(column)}`), ...own.map(({ sql }) => sql)].join(
    ", ",
  );
  const { rowCount } = await session.query(
    `insert into ${into} (${names}) ${stagedRows(move, values)}${where} ${inOrder(move)} ${conflict}`,
  );
  return rowCount ?? 0;
}

/** Values for the columns of Nightshift, if the table has them. */
export function ownValues({ table, run }: Pick<Move, "table" | "run">) {
  const all = [
    { name: ownColumns.run, sql: `${run.sequence}::bigint` },
    { name: ownColumns.asOf, sql: `${quoteText(run.asOf)}::timestamptz` },
  ];
  return all.filter(({ name }) => table.columns.some((column) => column.name === name));
}

/**
 * Creates an empty table with the target's columns for the rows that are removed from it. @returns its name
 * in the schema `nightshift`
 */
export async function makeUndo(move: Move): Promise<string> {
  const name = undoName(move);
  await move.session.query(`create table ${inArea(name)} (like ${quoteTable(move.table.name)})`);
  return name;
}

/** Returns the name of the table that stores what a publication removed; in the schema `nightshift`. */
export function undoName({ publication }: Pick<Move, "publication">): string {
  return `undo_${publication}`;
}

export function inArea(name: string): string {
  return quoteTable({ schema: "nightshift", name });
}

/** Returns the columns that a rollback can write: all except computed ones. */
export async function storedColumns(session: Session, table: string): Promise<readonly string[]> {
  const { rows } = await session.query<{ name: string }>(
    `select attname::text as name from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`,
    [table],
  );
  return rows.map(({ name }) => name);
}
