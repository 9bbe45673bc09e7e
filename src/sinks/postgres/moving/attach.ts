/**
 * Native partitions: the rows of each value are written to a new table, which replaces the present partition.
 * If a value has no partition of its own (a range of several values, a default), its rows are deleted and
 * inserted instead.
 */
import type { Table } from "../../../postgres/catalogue.js";
import { quoteName, quoteTable, quoteText } from "../../../postgres/identifiers.js";
import type { Session } from "../../../postgres/session.js";
import { lockAlone } from "./lock-table.js";
import { inArea, insertStaged, type Move, type Moved, stagedRows } from "./move.js";
import { rewriteValues } from "./moves.js";
import { partitionName } from "./partition-name.js";
import { whyNotPlain } from "./plain-table.js";
import {
  finishReplica,
  type IndexName,
  makeReplica,
  putAside,
  putInPlace,
  type QualifiedName,
  type SwappedPartition,
} from "./replica.js";

export interface PartitionColumn {
  readonly column: string;
  /** SQL type name. */
  readonly type: string;
}

/** With more values, one pass over all rows costs less than one for each value. */
const mostValues = 32;

/**
 * Returns the column by which the table is partitioned; `null` if it is not partitioned, or not by a single
 * plain column.
 */
export async function partitionColumn(
  session: Session,
  { oid, kind }: Table,
): Promise<PartitionColumn | null> {
  if (kind !== "partitioned") return null;
  const { rows } = await session.query<PartitionColumn>(
    `select a.attname::text as column, format_type(a.atttypid, a.atttypmod) as type
     from pg_partitioned_table p join pg_class c on c.oid = p.partrelid
     join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
     where p.partrelid = $1 and p.partnatts = 1 and p.partstrat in ('l', 'r')
       and pg_has_role(c.relowner, 'usage')`,
    [oid],
  );
  return rows[0] ?? null;
}

export async function attach(move: Move): Promise<Moved> {
  const key = await partitionColumn(move.session, move.table);
  const places = key === null ? null : await placesOf(move, key);
  if (key === null || places === null) return rewriteValues(move);
  // All rows are written first, and then all locks are taken at once: readers of the table wait only for the
  // renames.
  const filled: Filled[] = [];
  for (const [at, place] of places.entries()) filled.push(await fillOne(move, place, at));
  const { session, table, waits } = move;
  const taken = places.flatMap(({ partition, isThere }) => (isThere ? [partition] : []));
  await lockAlone(session, [table.name, ...taken, ...(await defaultPartition(move))], waits);
  const partitions: SwappedPartition[] = [];
  for (const [at, one] of filled.entries()) partitions.push(await swapOne(move, one, at));
  const rows = filled.reduce((sum, one) => sum + one.rows, 0);
  return { method: "attach", undo: { kind: "attach", partitions }, rows };
}

interface Place {
  readonly bound: string;
  /** `column = value`; because the column is not null, this is equivalent to the partition bound. */
  readonly check: { readonly column: string; readonly value: string };
  readonly partition: QualifiedName;
  readonly isThere: boolean;
}

/** Returns the partition of each value; `null` if a value has no partition of its own. */
async function placesOf(move: Move, { column, type }: PartitionColumn): Promise<readonly Place[] | null> {
  const { session, table } = move;
  const { rows: values } = await session.query<{ value: string | null; next: string | null }>(
    `select distinct s.${quoteName(column)}::text as value,
            ${type === "date" ? `(s.${quoteName(column)} + 1)::text` : "null"} as next
     from (${stagedRows(move, `s.${quoteName(column)}`)}) s order by 1`,
  );
  if (values.length > mostValues || values.some(({ value }) => value === null)) return null;
  const { rows: partitions } = await session.query<{
    schema: string;
    name: string;
    bound: string;
    oid: number;
  }>(
    `select n.nspname::text as schema, c.relname::text as name, pg_get_expr(c.relpartbound, c.oid) as bound,
            c.oid::int8::float8 as oid
     from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace
     where i.inhparent = $1`,
    [table.oid],
  );
  const hasDefault = partitions.some(({ bound }) => bound === "DEFAULT");
  const isList = !partitions.some(({ bound }) => bound.startsWith("FOR VALUES FROM"));
  const places: Place[] = [];
  let taken: Set<string> | null = null;
  for (const { value, next } of values) {
    if (value === null) return null;
    const text = quoteText(value);
    const bounds = [
      `FOR VALUES IN (${text})`,
      `FOR VALUES IN (${value})`,
      `FOR VALUES FROM (${text}) TO ('${next}')`,
    ];
    const check = { column: quoteName(column), value: `${quoteName(column)} = ${text}::${type}` };
    const found = partitions.find(({ bound }) => bounds.includes(bound));
    if (found !== undefined) {
      if ((await whyNotPlain(session, found.oid, { isPartition: true })) !== null) return null;
      const { schema, name, bound } = found;
      places.push({ bound, check, partition: { schema, name }, isThere: true });
    } else if (isList && !hasDefault) {
      taken ??= await relationNames(session, table.name);
      const name = partitionName(table.name.name, value, (one) => taken?.has(one) === true);
      taken.add(name);
      places.push({
        bound: `FOR VALUES IN (${text})`,
        check,
        partition: { schema: table.name.schema, name },
        isThere: false,
      });
    } else return null;
  }
  return places;
}

/** Names of relations in the schema of a table. */
async function relationNames(session: Session, { schema }: QualifiedName): Promise<Set<string>> {
  const { rows } = await session.query<{ name: string }>(
    "select relname::text as name from pg_class where relnamespace = $1::regnamespace",
    [quoteName(schema)],
  );
  return new Set(rows.map(({ name }) => name));
}

/**
 * The server scans the default partition when another partition is attached or detached. @returns one table
 * or none
 */
async function defaultPartition({ session, table }: Move): Promise<readonly QualifiedName[]> {
  const { rows } = await session.query<QualifiedName>(
    `select n.nspname::text as schema, c.relname::text as name
     from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace
     where i.inhparent = $1 and pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'`,
    [table.oid],
  );
  return rows;
}

/** A table in the schema `nightshift` with a partition's rows, ready to be attached. */
interface Filled {
  readonly place: Place;
  readonly name: string;
  readonly indexes: readonly IndexName[];
  readonly rows: number;
}

async function fillOne(move: Move, place: Place, at: number): Promise<Filled> {
  const { session, table, publication } = move;
  const { check, partition, isThere } = place;
  const name = `next_${publication}_${at + 1}`;
  const original = isThere ? partition : table.name;
  const replica = await makeReplica(session, original, name);
  const rows = await insertStaged(move, inArea(name), { where: ` and s.${check.value}` });
  // The parent's indexes are created when it is attached.
  const indexes = isThere ? await finishReplica(session, original, replica) : [];
  await session.query(
    `alter table ${inArea(name)} add constraint nightshift_bound check (${check.column} is not null and ${check.value})`,
  );
  return { place, name, indexes, rows };
}

async function swapOne(
  { session, table, publication }: Move,
  { place: { bound, partition, isThere }, name, indexes }: Filled,
  at: number,
): Promise<SwappedPartition> {
  let before: SwappedPartition["before"] = null;
  if (isThere) {
    await session.query(`alter table ${quoteTable(table.name)} detach partition ${quoteTable(partition)}`);
    const aside = `undo_${publication}_${at + 1}`;
    before = { name: aside, indexes: await putAside(session, partition, aside) };
  }
  await putInPlace(session, name, partition, indexes);
  await session.query(
    `alter table ${quoteTable(table.name)} attach partition ${quoteTable(partition)} ${bound}`,
  );
  await session.query(`alter table ${quoteTable(partition)} drop constraint nightshift_bound`);
  return { partition, bound, before };
}
