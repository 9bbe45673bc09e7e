/**
 * Decides whether a table can be replaced by another one without a visible difference. If in doubt, it
 * cannot.
 */
import type { Session } from "../../../postgres/session.js";

const reasonsSql = `
  select array_remove(array[
    case when c.relkind <> 'r' then 'it is no plain table' end,
    case when c.relpersistence <> 'p' then 'it is not logged' end,
    case when c.reltablespace <> 0 then 'it has a tablespace of its own' end,
    case when c.reloftype <> 0 then 'it is of a type' end,
    case when c.relispartition and not $2 then 'it is a partition' end,
    case when exists (select from pg_inherits i where i.inhparent = c.oid or i.inhrelid = c.oid and not c.relispartition)
         then 'it inherits' end,
    case when exists (select from pg_trigger where tgrelid = c.oid and not tgisinternal) then 'it has triggers' end,
    case when c.relrowsecurity or exists (select from pg_policy where polrelid = c.oid) then 'it has policies' end,
    case when c.relreplident <> 'd' or exists (select from pg_publication_rel where prrelid = c.oid)
              or exists (select from pg_publication_tables where schemaname = n.nspname and tablename = c.relname)
         then 'it is replicated' end,
    case when exists (select from pg_constraint where conrelid = c.oid and contype = 'f') then 'it has foreign keys' end,
    case when exists (select from pg_constraint where confrelid = c.oid) then 'foreign keys refer to it' end,
    case when exists (select from pg_constraint where conrelid = c.oid and not convalidated)
         then 'a constraint is not valid yet' end,
    case when exists (select from pg_index where indrelid = c.oid
                      and (indisclustered or indisreplident or not indisvalid)) then 'an index is special' end,
    case when exists (select from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped
                      and (attidentity <> '' or attacl is not null or attoptions is not null
                           or coalesce(attstattarget, -1) >= 0)) then 'a column is special' end,
    case when exists (select from pg_statistic_ext where stxrelid = c.oid) then 'it has statistics of its own' end,
    case when exists (select from pg_seclabel where objoid = c.oid) then 'it has a security label' end,
    case when c.relowner <> (select oid from pg_roles where rolname = current_user)
              and not (select rolsuper from pg_roles where rolname = current_user) then 'this role does not own it' end,
    case when not has_schema_privilege(c.relnamespace, 'create') then 'this role cannot create a table in its schema' end,
    case when exists (
      select from pg_depend d
      where d.deptype <> 'i' and (
        d.refclassid = 'pg_type'::regclass and d.refobjid in (select t.oid from pg_type t
          where t.oid = c.reltype or t.oid = (select typarray from pg_type where oid = c.reltype))
        or d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid
           and not (d.classid = 'pg_constraint'::regclass and exists (
                      select from pg_constraint o where o.oid = d.objid and o.conrelid = c.oid))
           and not (d.classid = 'pg_class'::regclass and exists (
                      select from pg_index i where i.indexrelid = d.objid and i.indrelid = c.oid))
           and not (d.classid = 'pg_attrdef'::regclass and exists (
                      select from pg_attrdef a where a.oid = d.objid and a.adrelid = c.oid))
           and not (d.classid = 'pg_policy'::regclass or d.classid = 'pg_trigger'::regclass)))
      then 'views or other things depend on it' end
  ], null) as reasons
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = $1`;

/**
 * @param options `isPartition`: the table is known to belong to a partitioned table, which is not an obstacle
 * @returns the first property that would be lost; `null` if the table may be swapped
 */
export async function whyNotPlain(
  session: Session,
  oid: number,
  { isPartition = false } = {},
): Promise<string | null> {
  const { rows } = await session.query<{ reasons: readonly string[] }>(reasonsSql, [oid, isPartition]);
  return rows[0] === undefined ? "it is gone" : (rows[0].reasons[0] ?? null);
}
