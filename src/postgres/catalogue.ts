/** Reads what the server's catalogue contains about a table: its exact name, columns, keys and size. */

import { SpecError } from "../errors.js";
import { type TableName, tableText } from "../job/connection.js";
import { closest } from "../text/closest-word.js";
import type { Session } from "./session.js";

export interface Table {
  readonly oid: number;
  /** With its schema, as resolved by `search_path`. */
  readonly name: TableName & { readonly schema: string };
  readonly kind: "table" | "partitioned" | "view" | "materialized view" | "foreign table";
  /** In the table's order, without dropped columns. */
  readonly columns: readonly TableColumn[];
  /** Columns of the primary key in its order; `null` if there is none. */
  readonly primaryKey: readonly string[] | null;
  /** Columns of immediate, non-partial unique indexes on plain columns, including the primary key. */
  readonly uniqueKeys: readonly (readonly string[])[];
  /** Estimate of the last ANALYZE or VACUUM; `null` if there was none. */
  readonly estimatedRows: number | null;
  /** Present size of its file in blocks of 8 KiB; 0 for relations without a file. */
  readonly blocks: number;
}

export interface TableColumn {
  readonly name: string;
  /** As SQL writes it, with its modifier: `numeric(10,2)`, `vector(384)`, `timestamp(3) with time zone`. */
  readonly type: string;
  readonly typeOid: number;
  /** `pg_type.typtype`: b(ase), e(num), d(omain), c(omposite), r(ange), m(ultirange). */
  readonly typeKind: string;
  /** `pg_type.typname`, without modifier: `numeric`, `vector`, `_float4`. */
  readonly typeName: string;
  /** OID of an array's element type or of a domain's base type; 0 for other types. */
  readonly elementOid: number;
  /** The type modifier as the server encodes it; -1 if there is none. */
  readonly modifier: number;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  /** Whether values are computed or only assigned by the server, so that nothing can be inserted. */
  readonly generated: boolean;
}

interface RelationRow {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: keyof typeof kinds;
  readonly rows: number;
  readonly blocks: string;
}

const kinds = {
  r: "table",
  p: "partitioned",
  v: "view",
  m: "materialized view",
  f: "foreign table",
} as const;

const isThere = `c.relname = $2 and case when $1::text is null
  then pg_table_is_visible(c.oid) else n.nspname = $1 end and c.relkind in ('r', 'p', 'v', 'm', 'f')`;

const relationSql = `
  select c.oid::int8::float8 as oid, n.nspname::text as schema, c.relname::text as name, c.relkind as kind,
         c.reltuples::float8 as rows,
         case when c.relkind in ('r', 'm') then pg_relation_size(c.oid) / current_setting('block_size')::int8
              else 0 end as blocks
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where ${isThere}`;

const columnsSql = `
  select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type, a.atttypid::int8::float8 as "typeOid",
         t.typtype as "typeKind", t.typname::text as "typeName",
         (case when t.typtype = 'd' then t.typbasetype when t.typcategory = 'A' then t.typelem else 0 end)::int8::float8
           as "elementOid",
         a.atttypmod as modifier, a.attnotnull as "notNull", a.atthasdef or a.attidentity <> '' as "hasDefault",
         a.attgenerated <> '' or a.attidentity = 'a' as generated
  from pg_attribute a join pg_type t on t.oid = a.atttypid
  where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped order by a.attnum`;

const keysSql = `
  select i.indisprimary as "isPrimary",
         array(select a.attname::text from unnest(i.indkey::int2[]) with ordinality k(attnum, place)
               join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
               where k.place <= i.indnkeyatts order by k.place) as columns
  from pg_index i
  where i.indrelid = $1 and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null
    and i.indexprs is null order by i.indisprimary desc, i.indexrelid`;

/** @returns `null` if there is no table of this name */
export async function findTable(session: Session, { schema, name }: TableName): Promise<Table | null> {
  const { rows: relations } = await session.query<RelationRow>(relationSql, [schema, name]);
  const [relation] = relations;
  if (relation === undefined) return null;
  const { oid } = relation;
  const { rows: columns } = await session.query<TableColumn>(columnsSql, [oid]);
  const { rows: keys } = await session.query<{ isPrimary: boolean; columns: string[] }>(keysSql, [oid]);
  return {
    oid,
    name: { schema: relation.schema, name: relation.name },
    kind: kinds[relation.kind],
    columns,
    primaryKey: keys.find(({ isPrimary }) => isPrimary)?.columns ?? null,
    uniqueKeys: keys.map((key) => key.columns),
    estimatedRows: relation.rows < 0 ? null : relation.rows,
    blocks: Number(relation.blocks),
  };
}

/** @throws SpecError `postgres.no-such-table`, with the most similar existing name */
export async function readTable(session: Session, table: TableName): Promise<Table> {
  const found = await findTable(session, table);
  if (found !== null) return found;
  const { rows } = await session.query<{ schema: string; name: string; visible: boolean }>(
    `select n.nspname::text as schema, c.relname::text as name, pg_table_is_visible(c.oid) as visible
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
     order by 1, 2 limit 5000`,
  );
  const names = rows.map(({ schema, name, visible }) =>
    tableText({ schema: table.schema === null && visible ? null : schema, name }),
  );
  const wanted = tableText(table);
  const near =
    closest(wanted, names) ??
    names.find((name) => name.endsWith(`.${tableText({ ...table, schema: null })}`));
  throw new SpecError("postgres.no-such-table", `There is no table ${wanted} that this role can see.`, {
    hint:
      near === undefined
        ? "Check its name and schema: names are exact, capitals included."
        : `Did you mean ${near}?`,
    details: { table: wanted },
  });
}
