/**
 * Creates a table like another one beside it, with its grants, comments, options, indexes and constraints,
 * fills it, and swaps the two. Readers wait only for a moment at the end.
 */

import { InfraError } from "../../../errors.js";
import type { TableName } from "../../../job/connection.js";
import { quoteName, quoteTable, quoteText } from "../../../postgres/identifiers.js";
import type { Session } from "../../../postgres/session.js";

interface Index {
  readonly name: string;
  readonly isConstraint: boolean;
  /** The part of the definition after the table's name. */
  readonly definition: string;
  readonly isUnique: boolean;
  readonly comment: string | null;
  readonly constraintComment: string | null;
}

/** Names of an index on the original and on the replica. */
export interface IndexName {
  readonly own: string;
  readonly aside: string;
}

export interface QualifiedName extends TableName {
  readonly schema: string;
}

/** Data for the rollback of one partition. */
export interface SwappedPartition {
  readonly partition: QualifiedName;
  /** `FOR VALUES …` */
  readonly bound: string;
  /** The previous partition, stored in the schema `nightshift`; `null` if there was none. */
  readonly before: { readonly name: string; readonly indexes: readonly IndexName[] } | null;
}

const area = "nightshift";

/**
 * Creates an empty table like `original` in the schema `nightshift`, without its indexes: loading is faster
 * that way.
 */
export async function makeReplica(
  session: Session,
  original: QualifiedName,
  name: string,
): Promise<QualifiedName> {
  const replica = { schema: area, name };
  await session.query(
    `create table ${quoteTable(replica)} (like ${quoteTable(original)} including all excluding indexes)`,
  );
  return replica;
}

/** Adds everything else that the original has to the filled replica. */
export async function finishReplica(
  session: Session,
  original: QualifiedName,
  replica: QualifiedName,
): Promise<readonly IndexName[]> {
  const names: IndexName[] = [];
  for (const [at, index] of (await indexesOf(session, original)).entries()) {
    const aside = `${replica.name}_${at + 1}`;
    names.push({ own: index.name, aside });
    await session.query(
      index.isConstraint
        ? `alter table ${quoteTable(replica)} add constraint ${quoteName(aside)} ${index.definition}`
        : `create ${index.isUnique ? "unique " : ""}index ${quoteName(aside)} on ${quoteTable(replica)} using ${index.definition}`,
    );
    const { comment, constraintComment } = index;
    if (comment !== null)
      await session.query(
        `comment on index ${quoteTable({ schema: area, name: aside })} is ${quoteText(comment)}`,
      );
    if (constraintComment !== null)
      await session.query(
        `comment on constraint ${quoteName(aside)} on ${quoteTable(replica)} is ${quoteText(constraintComment)}`,
      );
  }
  await copyRest(session, original, replica);
  return names;
}

/** Moves a table away and renames its indexes, so that another table can have their names. */
export async function putAside(
  session: Session,
  table: QualifiedName,
  name: string,
): Promise<readonly IndexName[]> {
  const names: IndexName[] = [];
  for (const [at, { name: own }] of (await indexesOf(session, table)).entries()) {
    const aside = `${name}_${at + 1}`;
    names.push({ own, aside });
    await session.query(`alter index ${quoteTable({ ...table, name: own })} rename to ${quoteName(aside)}`);
  }
  await session.query(`alter table ${quoteTable(table)} rename to ${quoteName(name)}`);
  await session.query(`alter table ${quoteTable({ ...table, name })} set schema ${area}`);
  return names;
}

/** Moves a table from the schema `nightshift` to its public place. */
export async function putInPlace(
  session: Session,
  from: string,
  table: QualifiedName,
  names: readonly IndexName[],
): Promise<void> {
  await session.query(
    `alter table ${quoteTable({ schema: area, name: from })} set schema ${quoteName(table.schema)}`,
  );
  await session.query(
    `alter table ${quoteTable({ ...table, name: from })} rename to ${quoteName(table.name)}`,
  );
  for (const { own, aside } of names)
    await session.query(
      `alter index ${quoteTable({ schema: table.schema, name: aside })} rename to ${quoteName(own)}`,
    );
}

async function indexesOf(session: Session, table: QualifiedName): Promise<readonly Index[]> {
  const { rows } = await session.query<Index & { readonly prefix: string; readonly whole: string }>(
    `select x.relname::text as name, i.indisunique as "isUnique", k.oid is not null as "isConstraint",
            pg_get_constraintdef(k.oid) as definition, pg_get_indexdef(x.oid) as whole,
            format('CREATE %sINDEX %I ON %I.%I USING ', case when i.indisunique then 'UNIQUE ' else '' end,
                   x.relname, n.nspname, c.relname) as prefix,
            obj_description(x.oid, 'pg_class') as comment,
            obj_description(k.oid, 'pg_constraint') as "constraintComment"
     from pg_index i join pg_class x on x.oid = i.indexrelid join pg_class c on c.oid = i.indrelid
     join pg_namespace n on n.oid = c.relnamespace
     left join pg_constraint k on k.conindid = x.oid and k.conrelid = c.oid and k.contype in ('p', 'u', 'x')
     where c.oid = $1::regclass order by x.oid`,
    [quoteTable(table)],
  );
  return rows.map(({ prefix, whole, ...index }) => {
    if (index.isConstraint) return index;
    if (!whole.startsWith(prefix))
      throw new InfraError(
        "infra.unsupported",
        `The index ${index.name} cannot be created again: its definition is unusual.`,
      );
    return { ...index, definition: whole.slice(prefix.length) };
  });
}

async function copyRest(session: Session, original: QualifiedName, replica: QualifiedName): Promise<void> {
  const { rows } = await session.query<{
    comment: string | null;
    options: string[] | null;
    owner: string;
    isOwn: boolean;
  }>(
    `select obj_description(oid, 'pg_class') as comment, reloptions as options, relowner::regrole::text as owner,
            pg_get_userbyid(relowner) = current_user as "isOwn" from pg_class where oid = $1::regclass`,
    [quoteTable(original)],
  );
  const [rest] = rows;
  if (rest === undefined) return;
  const place = quoteTable(replica);
  if (rest.comment !== null) await session.query(`comment on table ${place} is ${quoteText(rest.comment)}`);
  for (const option of rest.options ?? []) {
    const [name = "", ...value] = option.split("=");
    await session.query(`alter table ${place} set (${quoteName(name)} = ${quoteText(value.join("="))})`);
  }
  // Default privileges may have granted more than the original has.
  for (const { grantee } of await grantsOf(session, replica))
    await session.query(`revoke all on ${place} from ${grantee} cascade`);
  for (const { grantee, privilege, grantable } of await grantsOf(session, original))
    await session.query(
      `grant ${privilege} on ${place} to ${grantee}${grantable ? " with grant option" : ""}`,
    );
  if (!rest.isOwn) await session.query(`alter table ${place} owner to ${rest.owner}`);
}

interface Grant {
  /** Quoted. */
  readonly grantee: string;
  readonly privilege: string;
  readonly grantable: boolean;
}

/** Returns the grants to roles other than the owner. */
async function grantsOf(session: Session, table: QualifiedName): Promise<readonly Grant[]> {
  const { rows } = await session.query<Grant>(
    `select case when g.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end as grantee,
            g.privilege_type as privilege, g.is_grantable as grantable
     from pg_class c, aclexplode(c.relacl) g where c.oid = $1::regclass and g.grantee <> c.relowner`,
    [quoteTable(table)],
  );
  return rows;
}
