/** Where the types of pgvector are in a database: extensions may lie in any schema. */
import type { Session } from "../../../postgres/session.js";
import type { VectorWire } from "./wire.js";

/** As SQL writes them in this session, with their schema where the search path does not lead there; `null`: none. */
export type VectorTypes = { readonly [kind in VectorWire["kind"]]: string | null };

/** Those that this role may use. `halfvec` came with pgvector 0.7. */
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
