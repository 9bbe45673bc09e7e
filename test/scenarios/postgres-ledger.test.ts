/** Runs recorded in a database, through the command line: from several directories, as several machines would. */
import { existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type FlightProject, flightProject, holding, keysBelow, keysIn } from "../support/flight-project.js";
import { type Finished, jsonLinesOf, nightshift, nightshiftWith } from "../support/nightshift.js";
import { type PostgresServer, startServer, type TestDatabase } from "../support/postgres-server.js";

const canary = "can4ry/p@ss word";

let server: PostgresServer;
let database: TestDatabase;
let project: FlightProject;
/** With a password. */
let url: string;
let elsewhere: string;

beforeAll(async () => {
  server = await startServer({
    access: ["host all app 127.0.0.1/32 scram-sha-256"],
    settings: { log_statement: "all", log_connections: "on", log_min_messages: "info" },
  });
});
afterAll(() => server.remove());
beforeEach(async () => {
  database = await server.createDatabase();
  await database.query(
    `drop role if exists app; create role app login password '${canary}'; alter database ${database.name} owner to app`,
  );
  url = `postgres://app:${encodeURIComponent(canary)}@${server.host}:${server.port}/${database.name}`;
  project = flightProject({ files: 4 });
  elsewhere = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-elsewhere-")));
});
afterEach(async () => {
  project.remove();
  rmSync(elsewhere, { recursive: true, force: true });
  await database.drop();
});

/** In the project, with runs recorded in the database. */
const here = (...argv: readonly string[]): Finished =>
  project.nightshiftWith({ NIGHTSHIFT_LEDGER: url }, ...argv);
/** In an empty directory, likewise. */
const there = (...argv: readonly string[]): Finished =>
  nightshiftWith({ NIGHTSHIFT_LEDGER: url }, elsewhere, ...argv);
function migrated(): void {
  expect(here("migrate")).toMatchObject({ status: 0 });
}

describe("migrate", () => {
  test("says what it did, and then that there is nothing to do", () => {
    const address = `postgres://${server.host}:${server.port}/${database.name}`;
    const first = here("migrate");
    expect(first).toMatchObject({ status: 0 });
    expect(first.stdout).toMatch(/^applied 1: the ledger: runs, plans, /);
    expect(first.stderr).toContain(`migrated ${address}`);
    expect(here("migrate")).toMatchObject({
      status: 0,
      stdout: "",
      stderr: `nothing to do: ${address} is up to date\n`,
    });
    const json = nightshift(elsewhere, "migrate", url, "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ database: address, applied: [] });
    expect(first.stdout + first.stderr + json.stdout).not.toContain("can4ry");
  });

  test("needs a database, and says how to name one", () => {
    expect(nightshift(elsewhere, "migrate")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("NIGHTSHIFT_LEDGER"),
    });
    expect(nightshift(elsewhere, "migrate", "mysql://x/y")).toMatchObject({ status: 2 });
  });
});

test("a database that was not migrated is refused, with the way out", () => {
  const refused = here("run", "flights");
  expect(refused).toMatchObject({ status: 2, stdout: "" });
  expect(refused.stderr).toContain("is not initialised for Nightshift");
  expect(refused.stderr).toContain("nightshift migrate");
});

test("a coordinator is killed; retry continues from another state directory, and others watch", async () => {
  migrated();
  const held = holding(project.cwd, { role: "thread", path: "input/02", nth: 1 });
  const running = project.start(["run", "flights", "--ledger", url, "--state", "first"], { env: held.env });
  await held.reached();

  const status = there("status", "--json");
  expect(JSON.parse(status.stdout)).toMatchObject({
    status: "running",
    shown: "running",
    owner: { pid: running.child.pid },
    partitions: { accepted: 2, running: 1, pending: 1 },
  });
  const refused = here("retry", "--state", "second");
  expect(refused).toMatchObject({ status: 2 });
  expect(refused.stderr).toContain(`is owned by process ${running.child.pid}`);

  running.child.kill("SIGKILL");
  await running.finished;
  expect(there("status").stdout).toContain("interrupted while running");
  expect(JSON.parse(there("ls", "runs", "--json").stdout)).toMatchObject([{ shown: "interrupted" }]);

  const retried = here("retry", "--state", "second", "--json");
  expect(retried).toMatchObject({ status: 0 });
  const started = jsonLinesOf(retried).filter(({ type }) => type === "partition.started");
  expect(started.map(({ partition, epoch }) => [partition, epoch])).toEqual([
    [2, 2],
    [3, 1],
  ]);
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
  expect(existsSync(join(project.cwd, "first", "runs"))).toBe(false);

  expect(here("run", "flights", "--state", "third").stderr).toContain("already published");
  const partitions = JSON.parse(there("ls", "partitions", "--json").stdout);
  expect(partitions).toHaveLength(4);
  expect(there("errors")).toMatchObject({ status: 0 });
  expect(there("gc", "--dry-run")).toMatchObject({ status: 0 });
  const events = jsonLinesOf(there("status", "--watch", "--json")).map(({ type }) => type);
  expect(events.filter((type) => type === "run.started")).toHaveLength(2);
  expect(events.at(-1)).toBe("run.published");
});

test("the same job at once from two places: one run, one publication", async () => {
  migrated();
  const env = { NIGHTSHIFT_LEDGER: url };
  const all = await Promise.all(
    ["one", "two"].map((state) => project.start(["run", "flights", "--state", state], { env }).finished),
  );
  const published = all.filter(({ stderr }) => stderr.includes("published to out/ (publication 1)"));
  expect(published.map(({ status }) => status)).toEqual([0]);
  for (const { status, stderr } of all)
    expect(stderr).toMatch(status === 0 ? /published to out/ : /is owned by process|has just started/);
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
  expect(JSON.parse(there("ls", "runs", "--json").stdout)).toHaveLength(1);
});

test("a crash of the server in the middle of a run: it continues", async () => {
  migrated();
  const held = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
  const running = project.start(["run", "flights", "--ledger", url], { env: held.env });
  await held.reached();
  await server.restart({ mode: "immediate" });
  held.letGo();
  expect(await running.finished).toMatchObject({ status: 0 });
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});

test("a server that stays away in the middle of a run: exit code 3, and retry does the rest", async () => {
  migrated();
  const held = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
  const running = project.start(["run", "flights", "--ledger", url], { env: held.env });
  await held.reached();
  await server.stop("immediate");
  held.letGo();
  const ended = await running.finished;
  await server.start();
  expect(ended).toMatchObject({ status: 3 });
  expect(ended.stderr).toContain("the server cannot be reached (connection refused)");
  expect(there("status").stdout).toContain("interrupted while running");
  expect(here("retry")).toMatchObject({ status: 0 });
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});

test("a server that is away: exit code 3 and what to check; the files' ledger is not touched", () => {
  const away = url.replace(`:${server.port}/`, ":9/");
  const asked = project.nightshift("ls", "runs", "--ledger", `${away}?connect_timeout=1`);
  expect(asked).toMatchObject({ status: 3, stdout: "" });
  expect(asked.stderr).toContain("the server cannot be reached");
  expect(asked.stderr).not.toContain("can4ry");
});

test("what is no ledger is refused without being repeated, and `journal` means the files", () => {
  const wrong = project.nightshift("ls", "runs", "--ledger", `redis://:${canary}@localhost`);
  expect(wrong).toMatchObject({ status: 2 });
  expect(wrong.stderr).toContain("--ledger or NIGHTSHIFT_LEDGER");
  expect(wrong.stderr).not.toContain("can4ry");
  expect(here("ls", "runs", "--ledger", "journal").stderr).toContain("no run is recorded in /");
});

test("no secret gets into the ledger, the server's log, or what is said", async () => {
  migrated();
  const said = [
    here("run", "flights", "-v"),
    there("status"),
    there("errors", "--json"),
    there("ls", "runs"),
  ];
  const failing = here("run", "flights", "--reprocess", "--json", "-v");
  const secrets = [canary, encodeURIComponent(canary), "can4ry"];
  const tables = await database.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'nightshift'",
  );
  expect(tables.length).toBeGreaterThan(7);
  let kept = "";
  // A whole row as text has all its columns.
  for (const { name } of tables)
    for (const { row } of await database.query<{ row: string }>(
      `select t::text as row from nightshift."${name}" t`,
    ))
      kept += row;
  expect(kept).toContain("flights.yaml");
  expect(kept).toContain("partition.accepted");
  for (const secret of secrets) expect(kept).not.toContain(secret);
  // Making a role sends its password to the server; only the test does.
  const log = server
    .log()
    .split("\n")
    .filter((line) => !/(create|drop) role/.test(line))
    .join("\n");
  expect(log).toContain("nightshift.ledger_run_states");
  for (const { stdout, stderr } of [...said, failing])
    for (const secret of secrets) expect(stdout + stderr).not.toContain(secret);
  for (const secret of secrets) expect(log).not.toContain(secret);
});
