/**
 * Provides one state of the input to all partitions: a snapshot, held by a session of the coordinator while
 * the run lasts, or a copy, which outlives the process.
 */
import { createHash } from "node:crypto";
import type { ConnectionUrl } from "../../job/connection.js";
import { describeInput as inputText } from "../../job/input.js";
import type { Run } from "../../job/run.js";
import { type Database, inTransaction, openDatabase } from "../../postgres/database.js";
import { quoteName, quoteTable } from "../../postgres/identifiers.js";
import { endSession, type Session } from "../../postgres/session.js";
import type { Collected } from "../../sinks/sink.js";
import type { InputKeeper, KeptInput } from "../source.js";
import { runAuthorStatement } from "./author-statement.js";
import { relationOf, select } from "./input-sql.js";
import type { PostgresInput, PostgresPartition, RowRange } from "./postgres-input.js";
import { queryError, readingError } from "./reading-errors.js";
import { openReading, snapshotText } from "./reading-session.js";

/** Schema that contains only copies of inputs. */
export const copySchema = "nightshift_input";

/** @returns `null` if every partition may read the present state */
export function inputKeeper(input: PostgresInput, url: ConnectionUrl): InputKeeper | null {
  switch (input.consistency) {
    case "none":
      return null;
    case "snapshot":
      return {
        isLasting: false,
        keep: (_run, { partitions }) => holdSnapshot(input, url, partitions),
        forget: async () => {},
        collect: async () => ({ removed: [], bytes: 0 }),
      };
    case "materialize":
      return {
        isLasting: true,
        keep: (run, planned) => makeCopy(input, url, run, planned),
        forget: (run) => onDatabase(url, (database) => dropCopies(database, run, run.key.generation)),
        collect: (over, dryRun) => onDatabase(url, (database) => collectCopies(database, over, dryRun)),
      };
  }
}

async function holdSnapshot(
  input: PostgresInput,
  url: ConnectionUrl,
  partitions: readonly PostgresPartition[],
): Promise<KeptInput> {
  // A single statement sees a single state.
  if (partitions.length < 2) return { partitions, release: async () => {} };
  const doing = `taking a snapshot for ${inputText(input)}`;
  const session = await openReading(url, { lock: input.read, snapshot: null, doing });
  try {
    await lockWhatIsRead(session, input);
    const { rows } = await session.query<{ name: string; content: string }>(
      "select pg_export_snapshot() as name, pg_current_snapshot()::text as content",
    );
    const snapshot = snapshotText(rows[0]?.name ?? "", rows[0]?.content ?? "");
    return {
      partitions: withRange(partitions, { snapshot }),
      release: () => endSession(session),
    };
  } catch (thrown) {
    await endSession(session);
    throw readingError(thrown, { address: url.address, doing });
  }
}

/**
 * Planning a query locks everything that it reads, and the locks stay: none of it can be truncated during the
 * run, and no materialized view can be refreshed. LOCK TABLE does not accept materialized views, not even
 * behind a view, and their refreshed rows would be visible in every snapshot.
 */
async function lockWhatIsRead(session: Session, { read }: PostgresInput): Promise<void> {
  const { sql, values } = relationOf(read);
  await runAuthorStatement(session, `select from ${sql} limit 0`, values);
}

/** Logged, so that it survives a restart of the server; read by blocks, so it needs no key. */
async function makeCopy(
  input: PostgresInput,
  url: ConnectionUrl,
  run: Run,
  { columns, partitions }: Parameters<InputKeeper["keep"]>[1],
): Promise<KeptInput> {
  const name = copyName(run.key, run.key.generation);
  const copy = quoteTable({ schema: copySchema, name });
  const { text, values } = select(relationOf(input.read), columns);
  await onDatabase(url, async (database) => {
    await dropCopies(database, run, run.key.generation);
    await ensureSchema(database);
    const doing = `copying ${inputText(input)}`;
    await database.use(async (session) => {
      await inTransaction(
        session,
        async () => {
          await session.query("set local statement_timeout = 0");
          await runAuthorStatement(session, `create table ${copy} as ${text}`, values).catch(
            (thrown: unknown) => {
              throw queryError(thrown, { address: url.address, doing });
            },
          );
        },
        { doing },
        url.address,
      );
    }, doing);
  });
  return { partitions: withRange(partitions, { copy }), release: async () => {} };
}

async function ensureSchema(database: Database): Promise<void> {
  const { rows } = await database.query("select from pg_namespace where nspname = $1", [copySchema]);
  // Two runs may create it at once: the second one finds it.
  if (rows.length === 0)
    await database
      .query(
        `create schema if not exists ${quoteName(copySchema)}`,
        [],
        "making a schema for copies of inputs",
      )
      .catch((error: { readonly details?: { readonly sqlstate?: unknown } }) => {
        if (error.details?.sqlstate !== "23505") throw error;
      });
}

/** Drops the copies of this run and of earlier generations, which are published or dropped. */
async function dropCopies(database: Database, { key }: Run, upTo: number): Promise<void> {
  const names = Array.from({ length: upTo }, (_, index) => copyName(key, index + 1));
  const { rows } = await database.query<{ name: string }>(
    "select tablename::text as name from pg_tables where schemaname = $1 and tablename = any($2)",
    [copySchema, names],
  );
  for (const { name } of rows)
    await database.query(`drop table if exists ${quoteTable({ schema: copySchema, name })}`);
}

async function collectCopies(database: Database, over: readonly Run[], dryRun: boolean): Promise<Collected> {
  const names = over.map(({ key }) => copyName(key, key.generation));
  const { rows } = await database.query<{ name: string; bytes: string }>(
    `select c.relname::text as name, pg_total_relation_size(c.oid) as bytes
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind = 'r' and c.relname = any($2) order by 1`,
    [copySchema, names],
  );
  const copies = rows.map(({ name }) => quoteTable({ schema: copySchema, name }));
  if (!dryRun) for (const copy of copies) await database.query(`drop table if exists ${copy}`);
  return { removed: copies, bytes: rows.reduce((sum, { bytes }) => sum + Number(bytes), 0) };
}

function copyName({ jobId, scope }: Run["key"], generation: number): string {
  const digest = createHash("sha256").update(`${jobId}\n${scope}`).digest("hex").slice(0, 16);
  return `copy_${digest}_g${generation}`;
}

function withRange(
  partitions: readonly PostgresPartition[],
  state: Partial<RowRange>,
): readonly PostgresPartition[] {
  return partitions.map((partition) =>
    partition.range === undefined ? partition : { ...partition, range: { ...partition.range, ...state } },
  );
}

async function onDatabase<T>(url: ConnectionUrl, work: (database: Database) => Promise<T>): Promise<T> {
  const database = openDatabase(url, { role: "source", maxSessions: 1 });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
