/**
 * Creates and updates the schema `nightshift`, only on request by `nightshift migrate`. Code that uses its
 * tables first calls {@link requireMigrated}.
 */
import { SpecError } from "../errors.js";
import type { Database } from "./database.js";
import type { Migration, Part } from "./migrations/migration.js";
import { partOf } from "./migrations/migration.js";
import { migrations } from "./migrations.js";
import type { Session } from "./session.js";

export interface Applied {
  readonly version: number;
  readonly name: string;
}

/**
 * Advisory lock: one process at a time migrates a database. The number is arbitrary; its bytes spell
 * "nightshft".
 */
const lockKey = "7954605397024499316";

/**
 * Applies the missing steps, each in a transaction of its own. May be repeated, also by several processes at
 * once.
 *
 * @returns the steps that this call applied, in order
 * @throws SpecError `postgres.newer-schema`; InfraError `infra.permission`
 */
export async function migrate(
  database: Database,
  known: readonly Migration[] = migrations,
): Promise<readonly Applied[]> {
  const applied: Applied[] = [];
  for (;;) {
    const step = await database.transaction((session) => applyNext(session, database.address, known), {
      doing: "migrating",
    });
    if (step === null) return applied;
    applied.push(step);
  }
}

/** Returns the applied steps in order; empty if the database was never migrated. */
export async function migrationsOf(database: Database): Promise<readonly Applied[]> {
  return database.use(readApplied, "reading its migrations");
}

/** @throws SpecError `postgres.not-migrated`, `postgres.newer-schema` */
export async function requireMigrated(
  database: Database,
  part: Part,
  known: readonly Migration[] = migrations,
): Promise<void> {
  const { address, writtenAs } = database;
  const versions = new Set((await migrationsOf(database)).map(({ version }) => version));
  refuseNewer(address, versions, known, part);
  const missing = known.filter(({ version }) => partOf(version) === part && !versions.has(version));
  if (missing.length === 0) return;
  throw new SpecError(
    "postgres.not-migrated",
    versions.size === 0
      ? `${address} is not initialised for Nightshift.`
      : `${address} has older tables than this version of Nightshift needs.`,
    {
      hint: `Run \`nightshift migrate '${writtenAs.replaceAll("'", "%27")}'\`, as a role with CREATE on the database.`,
      details: { missing: missing.map(({ version }) => version) },
    },
  );
}

async function applyNext(
  session: Session,
  address: string,
  known: readonly Migration[],
): Promise<Applied | null> {
  await session.query("select pg_advisory_xact_lock($1)", [lockKey]);
  const versions = new Set((await readApplied(session)).map(({ version }) => version));
  for (const part of ["ledger", "sink"] as const) refuseNewer(address, versions, known, part);
  const next = known.find(({ version }) => !versions.has(version));
  if (next === undefined) return null;
  if (versions.size === 0) await makeSchema(session);
  const { version, name } = next;
  await session.query(next.sql);
  await session.query("insert into nightshift.migrations (version, name) values ($1, $2)", [version, name]);
  return { version, name };
}

/** Creates the schema, unless an administrator has created it for a role that may not. */
async function makeSchema(session: Session): Promise<void> {
  const { rows } = await session.query<{ oid: string | null }>("select to_regnamespace('nightshift') as oid");
  if (rows[0]?.oid == null) await session.query("create schema nightshift");
  await session.query(`
    create table if not exists nightshift.migrations (
      version int primary key, name text not null, applied_at timestamptz not null default clock_timestamp()
    )`);
}

async function readApplied(session: Session): Promise<readonly Applied[]> {
  const { rows: tables } = await session.query<{ oid: string | null }>(
    "select to_regclass('nightshift.migrations') as oid",
  );
  if (tables[0]?.oid == null) return [];
  const { rows } = await session.query<Applied>(
    "select version, name from nightshift.migrations order by version",
  );
  return rows;
}

function refuseNewer(
  address: string,
  versions: ReadonlySet<number>,
  known: readonly Migration[],
  part: Part,
): void {
  const unknown = [...versions].filter(
    (version) => partOf(version) === part && !known.some((migration) => migration.version === version),
  );
  if (unknown.length === 0) return;
  throw new SpecError(
    "postgres.newer-schema",
    `${address} was migrated by a newer Nightshift: this version does not know its ${part}'s tables.`,
    { hint: "Use that version, or a newer one.", details: { unknown } },
  );
}
