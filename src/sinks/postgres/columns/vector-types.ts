/** Finds the types of pgvector in a database. An extension may be in any schema. */
import type { Session } from "../../../postgres/session.js";
import type { VectorWire } from "./wire.js";

/**
 * Type names as SQL in this session, with the schema unless it is in the search path; `null` if the type does
 * not exist.
 */
export type VectorTypes = { readonly [kind in VectorWire["kind"]]: string | null };

/** Returns the types that this role may use. `halfvec` came with pgvector 0.7. */
export async function readVectorTypes(session: Session): Promise<VectorTypes> {
  const { rows } = await session.query<{ kind: VectorWire["kind"]; sql: string }>(
    `select t.typname::text as kind, format_type(t.oid, null) as sql
     from pg_extension e
     join pg_depend d on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid and d.deptype = 'e'
     join pg_type t on d.classid = 'pg_type'::regclass and t.oid = d.objid
     where e.extname = 'vector' and t.typname in ('vector', 'halfvec')
       and has_schema_privilege(t.typnamespace, 'usage') and has_type_privilege(t.oid, 'usage')`,
  );
  const sqlOf = (kind: VectorWire["kind"]) => rows.find((row) => row.kind === kind)?.sql ?? null;
  return { vector: sqlOf("vector"), halfvec: sqlOf("halfvec") };
}
