/** Finds runs that could never be published before they start, and describes what publishing would do. */

import type { ColumnType, Schema } from "../../data/column.js";
import { InfraError, SpecError } from "../../errors.js";
import { tableText } from "../../job/connection.js";
import type { Interval } from "../../job/job.js";
import type { Table } from "../../postgres/catalogue.js";
import { quoteName, quoteNames, quoteTable } from "../../postgres/identifiers.js";
import type { Session } from "../../postgres/session.js";
import { closest } from "../../text/closest-word.js";
import type { Target } from "./area.js";
import { describeVectors } from "./columns/describe-vectors.js";
import { readVectorTypes, type VectorTypes } from "./columns/vector-types.js";
import { isVectorLayout } from "./columns/wire.js";
import { ownColumns, type WrittenColumns, writtenColumns } from "./columns/written-columns.js";
import { type MadeKey, madeKey } from "./made-key.js";
import { chooseMethod, describeMethod } from "./moving/choose-method.js";
import { refuseRows } from "./moving/moves.js";
import type { PostgresWrite } from "./postgres-write.js";

export interface CheckedTarget {
  /** `null` if the columns of the output are not known. */
  readonly written: WrittenColumns | null;
  /** One or two sentences that describe what publishing does. */
  readonly outlook: readonly string[];
}

/** @throws SpecError `postgres.*`, `refused.target-exists`; InfraError `infra.permission` */
export async function checkTarget(
  session: Session,
  target: Target,
  write: PostgresWrite,
  interval: Interval | null,
  schema: Schema | null,
): Promise<CheckedTarget> {
  const { table } = target;
  const vectors = await readVectorTypes(session);
  const shape = { layout: write.layout, tableName: target.text, vectors };
  if (table === null) {
    if (!write.create) throw refuseMissing(write);
    await refuseUnmakeable(session, target);
    requireVectors(write, vectors);
    const written = schema === null ? null : writtenColumns(schema, null, shape);
    if (written !== null) refuseKey(write, written, null);
    const rows = { isInterval: interval !== null, isExploded: written?.exploded != null };
    const made = `makes the table ${target.text}${keyText(madeKey(write, rows))}`;
    const finer = finerText(written, schema, write);
    return { written, outlook: [made, ...finer, ...describeVectors(written, schema, write.layout, true)] };
  }
  if (table.kind !== "table" && table.kind !== "partitioned") throw noTable(target.text, table.kind);
  const written = schema === null ? null : writtenColumns(schema, table, shape);
  if (write.mode === "error") await refuseRows({ session, table });
  refuseWithoutOwn(write, table);
  if (write.mode === "upsert") refuseKey(write, written, table);
  for (const column of write.mode === "replace" ? write.partitionBy : [])
    if (written !== null && !written.columns.some(({ name }) => name === column))
      throw noPartitionColumn(column);
  const method = await chooseMethod(session, table, write, interval !== null);
  await refuseWithoutRights(session, table, method.kind);
  const moved = describeMethod(method, target.text, write);
  const outlook = [
    moved,
    ...roundingText(written),
    ...finerText(written, schema, write),
    ...describeVectors(written, schema, write.layout, false),
  ];
  return { written, outlook };
}

export function refuseMissing(write: PostgresWrite): SpecError {
  return new SpecError(
    "postgres.no-such-table",
    `There is no table ${tableText(write.table)} that this role can see.`,
    {
      hint: "Check its name and schema, which are exact; or let it be made: `create: true`.",
      details: { table: tableText(write.table) },
    },
  );
}

async function refuseUnmakeable(session: Session, { name, text }: Target): Promise<void> {
  const { rows } = await session.query<{ may: boolean | null; schemas: string[] }>(
    `select (select has_schema_privilege(oid, 'create') from pg_namespace where nspname = $1) as may,
            array(select nspname::text from pg_namespace where nspname !~ '^pg_') as schemas`,
    [name.schema],
  );
  const [found] = rows;
  if (found?.may === true) return;
  if (found?.may === false)
    throw new InfraError(
      "infra.permission",
      `This role cannot create a table in the schema ${name.schema}.`,
      {
        hint: `As its owner: grant create on schema ${quoteName(name.schema)} to this role; or create ${text} yourself.`,
      },
    );
  const near = closest(name.schema, found?.schemas ?? []);
  throw new SpecError(
    "postgres.no-such-schema",
    `There is no schema ${name.schema} in which to create ${text}.`,
    {
      hint: near === null ? `Create it: create schema ${quoteName(name.schema)}.` : `Did you mean ${near}?`,
    },
  );
}

function requireVectors({ layout }: PostgresWrite, vectors: VectorTypes): void {
  const wanted = Object.values(layout).find((one) => isVectorLayout(one) && vectors[one] === null);
  if (wanted === undefined) return;
  const isOld = vectors.vector !== null;
  throw new SpecError(
    "postgres.no-vector",
    isOld
      ? "`layout: halfvec` needs pgvector 0.7, and this database has an older one."
      : `\`layout: ${wanted}\` needs the extension vector, and this role sees none in this database.`,
    {
      hint: isOld
        ? "Update it: alter extension vector update; or choose `vector`."
        : "Install pgvector and `create extension vector`, let the role use its schema, or choose `array`.",
    },
  );
}

function noTable(text: string, kind: Table["kind"]): SpecError {
  return new SpecError("postgres.not-a-table", `${text} is a ${kind}: rows are published to tables only.`, {
    hint: "Name the table behind it.",
  });
}

/** Modes that need to know later which run wrote a row store the run in the row. */
export function refuseWithoutOwn({ mode }: PostgresWrite, { name, columns }: Table): void {
  const wanted: readonly (readonly [string, string])[] =
    mode === "append"
      ? [[ownColumns.run, "bigint"]]
      : mode === "upsert"
        ? [
            [ownColumns.run, "bigint"],
            [ownColumns.asOf, "timestamptz"],
          ]
        : [];
  const missing = wanted.filter(([column]) => !columns.some((one) => one.name === column));
  if (missing.length === 0) return;
  const sql = missing.map(([column, type]) => `add column ${column} ${type}`).join(", ");
  throw new SpecError(
    "postgres.own-columns",
    `${tableText(name)} has no ${missing.map(([column]) => column).join(" and no ")}: mode \`${mode}\` stores there which run wrote a row.`,
    {
      hint: `alter table ${quoteTable(name)} ${sql};`,
      details: { columns: missing.map(([column]) => column) },
    },
  );
}

function refuseKey(write: PostgresWrite, written: WrittenColumns | null, table: Table | null): void {
  const { key, mode } = write;
  const names = written?.columns.map(({ name }) => name);
  const missing = key.find((column) => names !== undefined && !names.includes(column));
  if (missing !== undefined)
    throw new SpecError("postgres.key", `The key's column ${missing} is not a column of the output.`, {
      hint: "Keep it: name it under `passthrough`, or in `input.key`.",
    });
  const isOfElements =
    written?.columns.some(({ name, isElement }) => isElement && key.includes(name)) ?? true;
  if (mode === "upsert" && written?.exploded != null && !isOfElements)
    throw new SpecError(
      "postgres.key",
      "With `explode` a key has several rows: `upsert` cannot tell them apart.",
      {
        hint: "Name a column of the elements in `write.key` too: [user_id, rank], say.",
      },
    );
  if (mode !== "upsert" || table === null) return;
  const isUnique = table.uniqueKeys.some(
    (unique) => unique.length === key.length && unique.every((one) => key.includes(one)),
  );
  const nullable = table.columns.find(({ name, notNull }) => key.includes(name) && !notNull);
  const place = quoteTable(table.name);
  if (!isUnique)
    throw new SpecError(
      "postgres.key",
      `${place} has no unique index over ${key.join(", ")}, which \`upsert\` needs.`,
      {
        hint: `create unique index on ${place} (${quoteNames(key)});`,
      },
    );
  if (nullable !== undefined)
    throw new SpecError(
      "postgres.key",
      `${place} lets ${nullable.name} be null, and nulls are never the same key.`,
      {
        hint: `alter table ${place} alter column ${quoteName(nullable.name)} set not null;`,
      },
    );
}

function noPartitionColumn(column: string): SpecError {
  return new SpecError(
    "spec.partition-column-missing",
    `\`partition_by\` names ${column}, which is no output column`,
    {
      hint: "Add it under `write.add`, or pass it through from the input.",
      details: { column },
    },
  );
}

const rights: { readonly [method: string]: readonly string[] } = {
  insert: ["INSERT", "SELECT"],
  append: ["INSERT", "SELECT", "DELETE"],
  upsert: ["INSERT", "SELECT", "UPDATE", "DELETE"],
  rewrite: ["INSERT", "SELECT", "DELETE"],
  values: ["INSERT", "SELECT", "DELETE"],
};

async function refuseWithoutRights(session: Session, { oid, name }: Table, method: string): Promise<void> {
  const { rows } = await session.query<{ missing: string[]; role: string }>(
    `select array(select p from unnest($2::text[]) p where not has_table_privilege($1::oid, p)) as missing,
            current_user::text as role`,
    [oid, rights[method] ?? []],
  );
  const [found] = rows;
  if (found === undefined || found.missing.length === 0) return;
  const missing = found.missing.join(", ");
  throw new InfraError("infra.permission", `The role ${found.role} lacks ${missing} on ${tableText(name)}.`, {
    hint: `As its owner: grant ${missing.toLowerCase()} on ${quoteTable(name)} to ${quoteName(found.role)};`,
  });
}

/** The table's owner has chosen the rounding; the user who runs the job should know of it. */
function roundingText(written: WrittenColumns | null): readonly string[] {
  const rounded = (written?.columns ?? []).filter((column) => column.isRounded);
  if (rounded.length === 0) return [];
  return [`rounds ${rounded.map(({ name, type }) => `${name} to ${type}`).join(", ")}`];
}

/** Instants in nanoseconds, which may be more precise than PostgreSQL can store. */
function finerText(
  written: WrittenColumns | null,
  schema: Schema | null,
  { timestamps }: PostgresWrite,
): readonly string[] {
  const finer = (written?.columns ?? []).filter(({ from, wire }) => {
    const kind = wire.kind === "array" ? wire.element : wire.kind;
    const isTime = kind === "time" || kind === "timestamp" || kind === "timestamptz";
    const type = schema?.[from]?.type;
    return isTime && type !== undefined && hasNanoseconds(type);
  });
  if (finer.length === 0) return [];
  const names = finer.map(({ name }) => name).join(", ");
  return timestamps === "round"
    ? [`rounds ${names} from nanoseconds to microseconds`]
    : [
        `${names}: nanoseconds, of which PostgreSQL keeps microseconds; rows with a finer instant fail (unfit_value), or \`write.timestamps: round\` rounds them`,
      ];
}

function hasNanoseconds(type: ColumnType): boolean {
  if (type.kind === "list" || type.kind === "fixed-list") return hasNanoseconds(type.item);
  if (type.kind === "struct") return type.fields.some((field) => hasNanoseconds(field.type));
  return (type.kind === "time" || type.kind === "timestamp") && type.unit === "ns";
}

function keyText(key: MadeKey | null): string {
  if (key === null) return "";
  return `, with ${key.isPrimary ? "the key" : "an index on"} ${key.columns.join(", ")}`;
}
