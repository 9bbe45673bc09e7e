/** A table of a real server as a sink's target, and runs that stage real rows for it. */
import type { RecordBatch } from "apache-arrow";
import { onTestFinished } from "vitest";
import { columnOf } from "../../src/data/arrow-types.js";
import { type ConnectionUrl, isBadUrl, parseConnectionUrl } from "../../src/job/connection.js";
import type { Receipt } from "../../src/job/partition.js";
import type { PartitionTask } from "../../src/job/plan.js";
import { defaultWriterProfile } from "../../src/job/profile.js";
import type { Run } from "../../src/job/run.js";
import { type Database, openDatabase } from "../../src/postgres/database.js";
import { migrate } from "../../src/postgres/migrate.js";
import { postgresSink } from "../../src/sinks/postgres/postgres-sink.js";
import type { PostgresWrite } from "../../src/sinks/postgres/postgres-write.js";
import type { QuarantineDirectory } from "../../src/sinks/postgres/quarantine-files.js";
import { stagingPostgresSink } from "../../src/sinks/postgres/staging-postgres-sink.js";
import type { Sink } from "../../src/sinks/sink.js";
import type { FileSystem } from "../../src/stores/file-system.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { arrowFileFormat } from "./arrow-file-format.js";
import { batchOf, type PartitionRows } from "./file-target.js";
import { createDatabase, type TestDatabase } from "./postgres-server.js";

export function urlOf(text: string): ConnectionUrl {
  const url = parseConnectionUrl(text);
  if (isBadUrl(url)) throw new Error(url.failure);
  return url;
}

export interface PostgresTarget {
  readonly database: TestDatabase;
  readonly url: string;
  /** With the given parts of the write spec changed. */
  sink(
    write?: Partial<PostgresWrite>,
    through?: string,
    lockTimeoutMs?: number,
    onWait?: (text: string) => void,
  ): Sink;
  write(write?: Partial<PostgresWrite>): PostgresWrite;
}

/** A database of its own with our schema, and `public.scores` as the target. Dropped when the test ends. */
export async function freshTarget(made?: TestDatabase): Promise<PostgresTarget> {
  const database = made ?? (await createDatabase());
  const open: Database[] = [];
  onTestFinished(async () => {
    for (const one of open) await one.close();
    if (made === undefined) await database.drop();
  });
  const connect = (url: string): Database => {
    const one = openDatabase(urlOf(url), { role: "test", maxSessions: 3, retryDelaysMs: [100, 200, 400] });
    open.push(one);
    return one;
  };
  await migrate(connect(database.url));
  const write = (parts: Partial<PostgresWrite> = {}): PostgresWrite => writeWith(database.url, parts);
  return {
    database,
    url: database.url,
    write,
    sink: (parts = {}, through = database.url, lockTimeoutMs = 10_000, onWait = () => undefined) =>
      postgresSink({
        database: connect(through),
        write: write(parts),
        quarantine: quarantineOf(write(parts)),
        lockTimeoutMs,
        onWait,
      }),
  };
}

export function writeWith(url: string, parts: Partial<PostgresWrite> = {}): PostgresWrite {
  return {
    kind: "postgres",
    connection: { template: url, baseDir: "/", address: urlOf(url).address },
    table: { schema: "public", name: "scores" },
    mode: "replace",
    key: [],
    create: true,
    onMissing: "keep",
    quarantine: null,
    layout: {},
    partitionBy: [],
    add: {},
    ...parts,
  };
}

function quarantineOf(
  { quarantine }: PostgresWrite,
  fileSystem = localFileSystem(),
): QuarantineDirectory | null {
  return quarantine?.kind === "directory" ? { path: quarantine.path, fileSystem } : null;
}

export interface StagedPartition extends Partial<PartitionRows> {
  /** Instead of ids and scores. */
  readonly batch?: RecordBatch;
  /** Of the quarantined rows, instead of ids a thousand above their numbers. */
  readonly quarantinedKey?: RecordBatch;
  /** What files of quarantined rows are written through. */
  readonly fileSystem?: FileSystem;
}

/** Does what a worker does for each partition, and returns the receipts. */
export async function stageRun(
  { url, write }: Pick<PostgresTarget, "url" | "write">,
  run: Run,
  partitions: readonly StagedPartition[],
  parts: Partial<PostgresWrite> = {},
  attemptOf: (partition: number) => string = (partition) => `${run.id}-attempt-${partition}`,
): Promise<readonly Receipt[]> {
  const receipts: Receipt[] = [];
  for (const [index, rows] of partitions.entries())
    receipts.push(await stagePartition(url, write(parts), run, index, rows, attemptOf(index)));
  return receipts;
}

export async function stagePartition(
  url: string,
  write: PostgresWrite,
  run: Run,
  index: number,
  rows: StagedPartition,
  attemptId: string,
): Promise<Receipt> {
  const batch = rows.batch ?? batchOf({ ids: [], ...rows });
  const ref = { runId: run.id, partition: index, epoch: 1 };
  const task = { run, ref, plan: { profile: { writer: defaultWriterProfile } } } as unknown as PartitionTask;
  const directory = quarantineOf(write, rows.fileSystem);
  const quarantine = directory === null ? null : { directory, format: arrowFileFormat };
  const writer = await stagingPostgresSink({ url: urlOf(url), write, quarantine }).openWriter(
    task,
    attemptId,
    batch.schema,
  );
  if (batch.numRows > 0) await writer.write({ batch, origin: { file: "/in.parquet", firstRow: 0 } });
  const bad = rows.quarantined ?? [];
  const key = rows.quarantinedKey ?? batchOf({ ids: bad.map((row) => row + 1000) }).select(["id"]);
  await writer.quarantine({
    key: bad.length === 0 ? null : key,
    file: "/in.parquet",
    rowNumbers: bad,
    reasons: bad.map(() => "null_value"),
    messages: bad.map((row) => `row ${row} of /in.parquet has no value for x`),
  });
  const staged = await writer.stage();
  return {
    ref,
    attemptId,
    files: [],
    quarantine: staged.quarantine,
    ...(staged.staged === undefined ? {} : { staged: staged.staged }),
    rows: {
      read: batch.numRows + bad.length,
      predicted: staged.rows,
      quarantined: staged.quarantined,
      filtered: 0,
    },
    reasons: bad.length === 0 ? {} : { null_value: bad.length },
    stats: {
      seconds: { read: 0, hook: 0, bind: 0, predict: 0, attach: 0, write: 0, stage: 0 },
      bytesRead: 0,
      bytesWritten: staged.bytes,
    },
  };
}

export const columnsOf = (batch: RecordBatch) => batch.schema.fields.map(columnOf);

/** Ids of a table, as often as they are there; `null` where there is no table. */
export async function idsIn(
  database: TestDatabase,
  table = "public.scores",
): Promise<readonly number[] | null> {
  const [found] = await database.query<{ there: boolean }>("select to_regclass($1) is not null as there", [
    table,
  ]);
  if (found?.there !== true) return null;
  const rows = await database.query<{ id: string }>(`select id from ${table} order by id`);
  return rows.map(({ id }) => Number(id));
}
