/** Tables, schemas and columns under every name of the Big List of Naughty Strings, read and written. */
import { makeVector, type RecordBatch, Table } from "apache-arrow";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { type Database, openDatabase } from "../../src/postgres/database.js";
import { quoteName, quoteTable } from "../../src/postgres/identifiers.js";
import { migrate } from "../../src/postgres/migrate.js";
import { postgresSink } from "../../src/sinks/postgres/postgres-sink.js";
import { runOf } from "../support/file-target.js";
import { naughtyNames } from "../support/naughty-names.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";
import { columnNames, planned, readAll, sourceOf } from "../support/postgres-source.js";
import { columnsOf, stageRun, urlOf, writeWith } from "../support/postgres-target.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  await inTurns(naughtyNames, async (name) => {
    await database.query(`create schema ${quoteName(name)}`);
  });
});
afterAll(() => database.drop());

/** Some at once: each waits for the server most of the time. */
async function inTurns(names: readonly string[], work: (name: string, at: number) => Promise<void>) {
  const waiting = [...names.entries()];
  const takeTurns = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: 6 }, takeTurns));
}

function open(): Database {
  const opened = openDatabase(urlOf(database.url), { role: "test", maxSessions: 6 });
  onTestFinished(() => opened.close());
  return opened;
}

function batchOf(names: readonly string[], first: number): RecordBatch {
  const columns = names.map((name, at) => [name, makeVector(Float32Array.of(first + at))] as const);
  const [batch] = new Table(Object.fromEntries([["id", makeVector(BigInt64Array.of(1n))], ...columns]))
    .batches;
  if (batch === undefined) throw new Error("a table of one batch");
  return batch;
}

it("are read: as a schema's, a table's and its key's name", async () => {
  await inTurns(naughtyNames, async (name) => {
    const table = { schema: name, name };
    const place = quoteTable(table);
    await database.query(
      `create table ${place} (${quoteName(name)} int4 primary key); insert into ${place} values (1), (2);`,
    );
    const source = sourceOf(database.url, { kind: "table", table }, { key: [name], consistency: "none" });
    const partitions = await planned(source, [name], { partitionRows: 1 });
    expect((await readAll(source, [name], { partitions })).rows, name).toEqual([[1], [2]]);
    await database.query(`drop table ${place}`);
  });
});

it("are read: as the columns of one table, in order", async () => {
  const columns = naughtyNames.map((name, at) => `${quoteName(name)} int4 default ${at}`);
  await database.query(`create table public.wide (${columns.join(", ")}); insert into wide default values;`);
  const source = sourceOf(database.url, "public.wide");
  expect(await columnNames(source)).toEqual(naughtyNames);
  const { rows } = await readAll(source, naughtyNames);
  expect(rows).toEqual([naughtyNames.map((_, at) => at)]);
});

it("are written: as a schema's, a table's and its key's name, made, replaced and taken back", async () => {
  const opened = open();
  await migrate(opened);
  // Each takes some tenths of a second.
  const some = naughtyNames.filter((_, at) => at % 3 === 0);
  await inTurns(some, async (name, at) => {
    const table = { schema: name, name };
    const parts = { table, key: [name], create: true, mode: "replace" } as const;
    const write = () => writeWith(database.url, parts);
    const sink = postgresSink({ database: opened, write: write(), quarantine: null });
    for (const generation of [1, 2]) {
      const run = runOf(`r${at}-g${generation}`, { scope: "s", generation });
      const batch = batchOf([name], generation);
      await sink.check(run, columnsOf(batch));
      await sink.publish(run, "f", await stageRun({ url: database.url, write }, run, [{ batch }]));
    }
    const found = await database.query(`select ${quoteName(name)} as found from ${quoteTable(table)}`);
    expect(found, name).toEqual([{ found: 2 }]);
    await sink.rollback();
    expect(await database.query(`select ${quoteName(name)} as found from ${quoteTable(table)}`)).toEqual([
      { found: 1 },
    ]);
  });
});

it.each(["append", "replace", "upsert"] as const)("are written: as columns, by `%s`", async (mode) => {
  const opened = open();
  await migrate(opened);
  const table = { schema: "public", name: `wide_${mode}` };
  const parts = { table, key: ["id"], create: true, mode };
  const write = () => writeWith(database.url, parts);
  const sink = postgresSink({ database: opened, write: write(), quarantine: null });
  for (const generation of [1, 2]) {
    const run = runOf(`${mode}-g${generation}`, { scope: "s", generation });
    const batch = batchOf(naughtyNames, generation);
    await sink.check(run, columnsOf(batch));
    await sink.publish(run, "f", await stageRun({ url: database.url, write }, run, [{ batch }]));
  }
  const [row] = await database.query(`select * from ${quoteTable(table)}`);
  expect(row).toMatchObject(Object.fromEntries(naughtyNames.map((name, at) => [name, 2 + at])));
});
