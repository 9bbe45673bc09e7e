/** What every way of moving staged rows into a table needs. */

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

/** What is moved, as it was counted. */
export interface StagedRun {
  readonly oid: number;
  readonly rows: number;
  /** Nothing but these rows was ever there, and nobody can add any. */
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
  /** Runs whose rows this one takes the place of: the same job and scope before. */
  readonly superseded: readonly string[];
  /** The table was made in this very transaction. */
  readonly isMade: boolean;
  readonly waits: LockWaits;
}

/** What takes a publication back. Names of tables are in our schema. */
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
  /** `null`: it cannot be taken back. */
  readonly undo: Undo | null;
  /** Rows that readers find more or anew. */
  readonly rows: number;
  readonly changes?: RowChanges;
}

/** The run's rows, of accepted attempts only: whatever else lies in its staging table was overtaken, or is a zombie's. */
export function stagedRows({ run, isExploded }: Pick<Move, "run" | "isExploded">, select: string): string {
  return (
    `select ${select} from ${stagingTable(run)} s ` +
    `join nightshift.attempts a on a.number = s.${quoteName(stagingColumns.attempt)} ` +
    `where a.run = ${run.sequence} and a.accepted` +
    (isExploded ? ` and s.${quoteName(stagingColumns.element)} >= ${element.first}` : "")
  );
}

/** By key, so that the table and its index grow at one end; without one, as the input had it. */
function inOrder({ write, columns, isExploded }: Move): string {
  const key = write.key.filter((column) => columns.includes(column)).map(quoteName);
  const rest = isExploded ? [quoteName(stagingColumns.element)] : [];
  const order = key.length > 0 ? [...key, ...rest].map((column) => `s.${column}`) : ["a.partition", "s.ctid"];
  return `order by ${order.join(", ")}`;
}

/** Puts the staged rows into a table that has the target's columns. @returns rows */
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

/** Ours are filled wherever a table has them. */
export function ownValues({ table, run }: Pick<Move, "table" | "run">) {
  const all = [
    { name: ownColumns.run, sql: `${run.sequence}::bigint` },
    { name: ownColumns.asOf, sql: `${quoteText(run.asOf)}::timestamptz` },
  ];
  return all.filter(({ name }) => table.columns.some((column) => column.name === name));
}

/** An empty table with the target's columns and nothing else, for what goes out of it. @returns its name in our schema */
export async function makeUndo(move: Move): Promise<string> {
  const name = undoName(move);
  await move.session.query(`create table ${inArea(name)} (like ${quoteTable(move.table.name)})`);
  return name;
}

/** Where a publication keeps what went out of the table; in our schema. */
export function undoName({ publication }: Pick<Move, "publication">): string {
  return `undo_${publication}`;
}

export function inArea(name: string): string {
  return quoteTable({ schema: "nightshift", name });
}

/** Columns that rows can be put back with: all that the table does not compute. */
export async function storedColumns(session: Session, table: string): Promise<readonly string[]> {
  const { rows } = await session.query<{ name: string }>(
    `select attname::text as name from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`,
    [table],
  );
  return rows.map(({ name }) => name);
}
