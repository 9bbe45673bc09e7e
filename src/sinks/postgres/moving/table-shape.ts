/** Properties of two tables to compare: columns, defaults, checks, and the fill factor. */
import type { Session } from "../../../postgres/session.js";

export interface TableShape {
  readonly columns: readonly ColumnShape[];
  /** Check constraints and, from PostgreSQL 18 on, not-null constraints. */
  readonly constraints: readonly ConstraintShape[];
  readonly isOwn: boolean;
  /** Percentage of a page that is filled; `null`: all of it. */
  readonly fillFactor: string | null;
}

export interface ColumnShape {
  readonly name: string;
  /** SQL type name. */
  readonly type: string;
  /**
   * Type, collation, storage and generation: equal for columns that store the same values in the same way.
   */
  readonly kind: string;
  /** The column has no properties beyond its type. */
  readonly isUsual: boolean;
  /** Not null without a named constraint. */
  readonly isNotNull: boolean;
  /** SQL expression of the default. */
  readonly initial: string | null;
  readonly comment: string | null;
}

export interface ConstraintShape {
  readonly name: string;
  readonly definition: string;
  readonly comment: string | null;
}

// Read through JSON, because pg_attribute of older servers does not have all of these columns.
const columnsSql = `
  select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type,
         concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attcollation, a.attstorage, nullif(a.attgenerated, ''),
                   nullif(a.attidentity, ''), nullif(to_jsonb(a) ->> 'attcompression', '')) as kind,
         a.attcollation = t.typcollation and a.attstorage = t.typstorage and a.attgenerated = '' and a.attidentity = ''
           and coalesce(to_jsonb(a) ->> 'attcompression', '') = '' as "isUsual",
         a.attnotnull and not exists (select from pg_constraint n where n.conrelid = a.attrelid and n.contype = 'n'
                                      and n.conkey = array[a.attnum]) as "isNotNull",
         pg_get_expr(d.adbin, d.adrelid) as initial, col_description(a.attrelid, a.attnum) as comment
  from pg_attribute a join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped order by a.attnum`;

const constraintsSql = `
  select conname::text as name, pg_get_constraintdef(oid) as definition, obj_description(oid, 'pg_constraint') as comment
  from pg_constraint where conrelid = $1 and contype in ('c', 'n') order by conname`;

const restSql = `
  select c.relowner = (select oid from pg_roles where rolname = current_user) as "isOwn",
         (select option_value from pg_options_to_table(c.reloptions) where option_name = 'fillfactor') as "fillFactor"
  from pg_class c where c.oid = $1`;

export async function shapeOf(session: Session, oid: number): Promise<TableShape> {
  const { rows: columns } = await session.query<ColumnShape>(columnsSql, [oid]);
  const { rows: constraints } = await session.query<ConstraintShape>(constraintsSql, [oid]);
  const { rows } = await session.query<Pick<TableShape, "isOwn" | "fillFactor">>(restSql, [oid]);
  const [rest] = rows;
  return { columns, constraints, isOwn: rest?.isOwn ?? false, fillFactor: rest?.fillFactor ?? null };
}
