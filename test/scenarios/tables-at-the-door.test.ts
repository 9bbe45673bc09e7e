// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is how databases are named
/** Tables of a real server named on the command line: score, preview and init, between tables and files. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { flightModel } from "../support/flight-project.js";
import { type Finished, nightshiftWith } from "../support/nightshift.js";
import { type PostgresServer, startServer, type TestDatabase } from "../support/postgres-server.js";
import { readRows } from "../support/published-rows.js";
import { flightsSql } from "../support/table-project.js";

const password = "can4ry/p@ss";
const reference = "${DATABASE_URL}";

let server: PostgresServer;
let database: TestDatabase;
let cwd: string;
/** With its password. */
let url: string;

beforeAll(async () => {
  server = await startServer({ access: ["host all app 127.0.0.1/32 scram-sha-256"] });
  database = await server.createDatabase();
  await database.query(
    `create role app login password '${password}'; grant create on database ${database.name} to app;
     grant create on schema public to app; ${flightsSql(500)} alter table flights owner to app;`,
  );
  url = `postgres://app:${encodeURIComponent(password)}@${server.host}:${server.port}/${database.name}`;
  cwd = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-door-")));
  cpSync(flightModel, join(cwd, "delay.onnx"));
});
afterAll(async () => {
  rmSync(cwd, { recursive: true, force: true });
  await server.remove();
});

const here = (...argv: readonly string[]): Finished => nightshiftWith({ DATABASE_URL: url }, cwd, ...argv);
/** Without the variable. */
const bare = (...argv: readonly string[]): Finished => nightshiftWith({}, cwd, ...argv);
const shown = ({ stdout, stderr }: Finished): string => stdout + stderr;
const fromTable = [reference, "--table", "public.flights", "--key", "flight_id"] as const;

/** Everything that stands in the folder, the ledger's files among it. */
function everythingIn(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  return files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1")).join("\n");
}

test("from a table to Parquet", async () => {
  const scored = here(
    "score",
    "delay.onnx",
    ...fromTable,
    "--keep",
    "all",
    "-o",
    "from-table.parquet",
    "--json",
  );
  expect(scored.status, scored.stderr).toBe(0);
  const rows = await readRows(join(cwd, "from-table.parquet"));
  expect(rows.map(({ flight_id }) => Number(flight_id)).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 500 }, (_, index) => index),
  );
});

test("the first run into a database names the command that initialises it, and it works as printed", () => {
  const argv = ["score", "delay.onnx", ...fromTable, "-o", reference, "--to-table", "public.scores"];
  const refused = here(...argv);
  expect(refused).toMatchObject({ status: 2, stdout: "" });
  const [, command, printed = ""] = /Run `nightshift (migrate) '(.+)'`/.exec(refused.stderr) ?? [];
  expect(printed).toBe(reference);
  const ofLedger = here("ls", "runs", "--ledger", reference);
  expect(ofLedger).toMatchObject({ status: 2, stderr: expect.stringContaining(`migrate '${reference}'`) });
  expect(here(command ?? "", printed)).toMatchObject({ status: 0 });
});

test("from a table to a table of one database; the same rows as in Parquet", async () => {
  const to = ["-o", reference, "--to-table", "public.scores"];
  const scored = here("score", "delay.onnx", ...fromTable, ...to);
  expect(scored.status, scored.stderr).toBe(0);
  const found = await database.query<{ flight_id: string; probability_1: number }>(
    "select * from scores order by flight_id",
  );
  const files = await readRows(join(cwd, "from-table.parquet"));
  const byId = new Map(files.map((row) => [Number(row.flight_id), row]));
  expect(found).toHaveLength(500);
  for (const row of found)
    expect(Math.fround(row.probability_1)).toBe(byId.get(Number(row.flight_id))?.probability_1);
  const again = here("score", "delay.onnx", ...fromTable, ...to, "--overwrite");
  expect(again.status, again.stderr).toBe(0);
  expect(await database.query("select count(*)::int as n from scores")).toEqual([{ n: 500 }]);
});

test("from Parquet to a table, with a typed password: it works, and stands nowhere afterwards", async () => {
  const to = ["--keep", "none", "-o", url, "--to-table", "public.copies"];
  const scored = bare("score", "delay.onnx", "from-table.parquet", "--key", "flight_id", "-v", ...to);
  expect(scored.status, scored.stderr).toBe(0);
  const tables = bare(
    "score",
    "delay.onnx",
    url,
    "--table",
    "flights",
    "--key",
    "flight_id",
    ...to,
    "--overwrite",
  );
  expect(tables.status, tables.stderr).toBe(0);
  expect(await database.query("select count(*)::int as n from copies")).toEqual([{ n: 500 }]);
  for (const text of [shown(scored), shown(tables), everythingIn(cwd)]) expect(text).not.toContain("can4ry");
  const typed = bare("score", "delay.onnx", "from-table.parquet", ...to, "--queue", "redis://127.0.0.1:1");
  expect(typed).toMatchObject({ status: 2, stderr: expect.stringContaining("'${DATABASE_URL}'") });
});

test("preview and inspect of a table", () => {
  const preview = here("preview", "delay.onnx", ...fromTable, "--limit", "3", "--json");
  expect(preview.status, preview.stderr).toBe(0);
  expect(JSON.parse(preview.stdout).rows).toHaveLength(3);
  const inspected = here("inspect", reference, "--table", "flights", "--json");
  expect(JSON.parse(inspected.stdout)).toMatchObject({ table: { name: "flights", rows: 500 } });
});

test("init writes databases by reference, and the job runs", async () => {
  const tables = [
    "--input",
    reference,
    "--table",
    "flights",
    "--to",
    reference,
    "--to-table",
    "public.nightly",
  ];
  const written = here("init", "--from", "delay.onnx", ...tables, "--key", "flight_id");
  expect(written.status, written.stderr).toBe(0);
  const text = readFileSync(join(cwd, "jobs/delay.yaml"), "utf8");
  expect(text).toMatch(/from: "?\$\{DATABASE_URL\}"?/);
  expect(text).toMatch(/to: "?\$\{DATABASE_URL\}"?/);
  expect(text).not.toContain(`${server.port}/${database.name}:`);
  expect(text).not.toContain("can4ry");
  expect(here("run", "delay")).toMatchObject({ status: 0 });
  expect(await database.query("select count(*)::int as n from nightly")).toEqual([{ n: 500 }]);
  const typed = bare(
    "init",
    "--from",
    "delay.onnx",
    "--input",
    url,
    "--table",
    "flights",
    "--out",
    "jobs/b.yaml",
  );
  expect(typed).toMatchObject({ status: 2, stderr: expect.stringContaining("'${DATABASE_URL}'") });
  expect(shown(typed)).not.toContain("can4ry");
});

test.each([
  ["score", ["score", "delay.onnx", reference, "-o", "x"], "--table"],
  ["score", ["score", "delay.onnx", "in.parquet", "-o", reference], "--to-table"],
  ["preview", ["preview", "delay.onnx", reference], "--table"],
  ["init --input", ["init", "--from", "delay.onnx", "--input", reference], "--table"],
  [
    "init --to",
    ["init", "--from", "delay.onnx", "--input", "from-table.parquet", "--to", reference],
    "--to-table",
  ],
  ["inspect", ["inspect", reference], "--table"],
  ["files", ["files", reference], "--table"],
  [
    "one table on both sides",
    ["score", "delay.onnx", ...fromTable, "-o", reference, "--to-table", "flights"],
    "another",
  ],
])("%s without what it needs is refused with the fix, and makes nothing", (_, argv, fix) => {
  const before = readdirSync(cwd);
  const refused = here(...argv);
  expect(refused).toMatchObject({ status: 2, stdout: "" });
  expect(refused.stderr).toContain(fix);
  expect(shown(refused)).not.toContain("can4ry");
  expect(readdirSync(cwd)).toEqual(before);
  expect(existsSync(join(cwd, reference))).toBe(false);
});
