/** The GRANTs of docs/postgres.md: each role can do its work, and nothing else. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import type { NightshiftError } from "../../src/errors.js";
import { openDatabase } from "../../src/postgres/database.js";
import { migrate } from "../../src/postgres/migrate.js";
import { postgresSink } from "../../src/sinks/postgres/postgres-sink.js";
import { runOf } from "../support/file-target.js";
import { type PostgresServer, startServer, type TestDatabase } from "../support/postgres-server.js";
import { stageRun, urlOf, writeWith } from "../support/postgres-target.js";

let server: PostgresServer;
let database: TestDatabase;

/** What the document says to run before and after migrating. */
function documented(): readonly [string, string] {
  const text = readFileSync(fileURLToPath(new URL("../../docs/postgres.md", import.meta.url)), "utf8");
  const sql = /## Roles for writing\n+```sql\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
  const [before = "", after = ""] = sql
    .replace("database app", `database ${database.name}`)
    .split("-- After");
  return [before, `-- After${after}`];
}

const as = (role: string): string => {
  const url = new URL(database.url);
  url.username = role;
  return url.href;
};

beforeAll(async () => {
  server = await startServer();
  database = await server.createDatabase();
  await database.query(
    "revoke create on schema public from public; create schema scores; create table scores.flights (id bigint primary key, score real, nightshift_run bigint, nightshift_as_of timestamptz); create table scores.private (id bigint)",
  );
  const [before, after] = documented();
  await database.query(before);
  const migrating = openDatabase(urlOf(as("nightshift_migrate")), { role: "test", maxSessions: 1 });
  expect(await migrate(migrating)).not.toEqual([]);
  expect(await migrate(migrating)).toEqual([]);
  await migrating.close();
  await database.query(after);
}, 60_000);
afterAll(() => server.remove());

function asWorker(parts: Parameters<typeof writeWith>[1]) {
  const table = { schema: "scores", name: "flights" };
  const write = (more: Parameters<typeof writeWith>[1]) =>
    writeWith(as("nightshift_worker"), { table, create: false, ...parts, ...more });
  const open = openDatabase(urlOf(as("nightshift_worker")), { role: "test", maxSessions: 2 });
  onTestFinished(() => open.close());
  return {
    url: as("nightshift_worker"),
    write,
    sink: postgresSink({ database: open, write: write({}), quarantine: null }),
  };
}

it.each(["append", "upsert", "replace"] as const)(
  "a worker stages, publishes, rolls back and collects: %s",
  async (mode) => {
    await database.query("truncate scores.flights");
    const worker = asWorker({ mode, key: ["id"] });
    const run = runOf(`run-${mode}`);
    await worker.sink.check(run);
    const receipts = await stageRun(worker, run, [{ ids: [1, 2], quarantined: [3] }]);
    await worker.sink.publish(run, "f", receipts);
    expect(await database.query("select count(*)::int as n from scores.flights")).toEqual([{ n: 2 }]);
    expect((await worker.sink.quarantinedRows(run.id, 9))?.rows).toHaveLength(1);
    await worker.sink.rollback();
    expect(await database.query("select count(*)::int as n from scores.flights")).toEqual([{ n: 0 }]);
    await worker.sink.collect(async () => new Set(), false);
  },
);

it("the error for a worker that lacks a right names it before anything runs", async () => {
  const worker = asWorker({ table: { schema: "scores", name: "private" }, mode: "error" });
  await expect(worker.sink.check(runOf("x"))).rejects.toMatchObject({ code: "infra.permission" });
  const making = asWorker({ table: { schema: "scores", name: "new" }, mode: "error", create: true });
  await expect(making.sink.check(runOf("x"))).rejects.toMatchObject({
    code: "infra.permission",
    hint: expect.stringContaining("grant create on schema"),
  });
});

it("the error for a worker that lacks rights in our own schema lists the GRANTs that help", async () => {
  const worker = asWorker({ mode: "append" });
  await database.query(
    "revoke create on schema nightshift from nightshift_worker; revoke update on nightshift.runs from nightshift_worker",
  );
  const refused = await worker.sink.check(runOf("y")).then(
    () => null,
    (error: NightshiftError) => error,
  );
  expect(refused).toMatchObject({ code: "infra.permission" });
  const [, grants = ""] = /^As the role that migrated: (.*)$/.exec(refused?.hint ?? "") ?? [];
  expect(grants).toMatch(/create on schema nightshift.*on nightshift\.runs to/);
  await database.query(grants);
  await worker.sink.check(runOf("y"));
});

it.each([
  ["nightshift_worker", "alter table nightshift.publications add column x text"],
  ["nightshift_worker", "drop table nightshift.runs"],
  ["nightshift_worker", "insert into nightshift.migrations values (999, 'x')"],
  ["nightshift_worker", "select * from scores.private"],
  ["nightshift_worker", "truncate scores.flights"],
  ["nightshift_worker", "create table public.x (id int)"],
  ["nightshift_reader", "select * from nightshift.publications"],
  ["nightshift_reader", "delete from scores.flights"],
  ["nightshift_migrate", "select * from scores.flights"],
])("%s may not: %s", async (role, statement) => {
  const open = openDatabase(urlOf(as(role)), { role: "test", maxSessions: 1 });
  onTestFinished(() => open.close());
  await expect(open.query(statement)).rejects.toMatchObject({ code: "infra.permission" });
});

it("a reader reads, and finds nothing that is only staged", async () => {
  const worker = asWorker({ mode: "append" });
  const receipts = await stageRun(worker, runOf("staged"), [{ ids: [1] }]);
  const open = openDatabase(urlOf(as("nightshift_reader")), { role: "test", maxSessions: 1 });
  onTestFinished(() => open.close());
  expect((await open.query("select count(*)::int as n from scores.flights")).rows).toEqual([{ n: 0 }]);
  await expect(open.query(`select * from ${receipts[0]?.staged?.table}`)).rejects.toMatchObject({
    code: "infra.permission",
  });
});
