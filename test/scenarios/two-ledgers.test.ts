// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** A run that broke off in one ledger and was published through another: the sink's record counts, in both. */
import { cpSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type FlightProject, flightProject, holding, keysBelow, keysIn } from "../support/flight-project.js";
import { jsonLinesOf, type Running } from "../support/nightshift.js";
import { migrateAt } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";

let database: TestDatabase;
let project: FlightProject;

beforeAll(async () => {
  database = await createDatabase();
}, 60_000);
afterAll(() => database.drop());
beforeEach(async () => {
  await database.query("drop schema if exists nightshift cascade; drop table if exists flights");
  await migrateAt(database.url);
});
afterEach(() => project.remove());

const outputs = {
  files: "{ to: ../out, mode: append }",
  table: "{ to: '${DATABASE_URL}', table: public.flights, create: true, mode: append }",
} as const;
type Output = keyof typeof outputs;

const environment = () => ({ DATABASE_URL: database.url });
const inLedger = (ledger: string, ...argv: readonly string[]) =>
  project.nightshiftWith(environment(), ...argv, ...at(ledger));
/** A journal of this name, or the tables in the database. */
const at = (ledger: string): readonly string[] =>
  ledger === "database" ? ["--ledger", database.url] : ["--state", ledger, "--ledger", "journal"];

async function publishedKeys(output: Output): Promise<readonly number[]> {
  if (output === "files") return keysIn(project.out);
  const rows = await database.query<{ key: number }>(
    "select flight_id::int as key from flights order by flight_id",
  );
  return rows.map(({ key }) => key);
}

/** Holds a coordinator at the input's second file. */
async function held(ledger: string): Promise<{ readonly run: Running; readonly letGo: () => void }> {
  const hold = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
  const run = project.start(["run", "flights", ...at(ledger), "--json"], {
    env: { ...hold.env, ...environment() },
  });
  await hold.reached();
  return { run, letGo: hold.letGo };
}

async function brokenOff(ledger: string): Promise<void> {
  const { run } = await held(ledger);
  run.child.kill("SIGKILL");
  await run.finished;
}

const statusIn = (ledger: string): unknown => JSON.parse(inLedger(ledger, "status", "--json").stdout);

test.each([
  { output: "files", ledger: "A", argv: ["retry"], publication: 1 },
  { output: "table", ledger: "A", argv: ["run", "flights"], publication: 1 },
  { output: "files", ledger: "database", argv: ["run", "flights", "--restart"], publication: 1 },
  { output: "table", ledger: "database", argv: ["retry"], publication: 1 },
  { output: "files", ledger: "A", argv: ["run", "flights", "--reprocess"], publication: 2 },
] as const)(
  "$output, broken off in ledger $ledger and published through another: $argv ends well",
  async ({ output, ledger, argv, publication }) => {
    project = flightProject({ files: 3, write: outputs[output] });
    await brokenOff(ledger);
    expect(inLedger("B", "run", "flights").status).toBe(0);
    const told = inLedger(ledger, ...argv, "--json");
    expect(told).toMatchObject({ status: 0 });
    expect(jsonLinesOf(told).at(-1)).toMatchObject({ publication, exitCode: 0, error: null });
    expect(statusIn(ledger)).toMatchObject({ status: "published", publication });
    expect(await publishedKeys(output)).toEqual(keysBelow(150));
  },
);

/** The rows of the ledger, and nothing else of the schema: what is published is not part of a backup of the ledger. */
const backUpRows = `do $$ declare t text; begin
  create schema backup;
  for t in select tablename from pg_tables where schemaname = 'nightshift' and tablename like 'ledger%' loop
    execute format('create table backup.%1$I as table nightshift.%1$I', t);
  end loop;
end $$`;
const putRowsBack = `do $$ declare t text; begin
  perform set_config('session_replication_role', 'replica', true);
  for t in select tablename from pg_tables where schemaname = 'backup' loop
    execute format('delete from nightshift.%I', t);
    execute format('insert into nightshift.%1$I overriding system value table backup.%1$I', t);
  end loop;
  drop schema backup cascade;
end $$`;

test.each([
  {
    ledger: "A",
    output: "files",
    backUp: () => cpSync(join(project.cwd, "A"), join(project.cwd, "backup"), { recursive: true }),
    restore: () => {
      rmSync(join(project.cwd, "A"), { recursive: true });
      renameSync(join(project.cwd, "backup"), join(project.cwd, "A"));
    },
  },
  {
    ledger: "database",
    output: "table",
    backUp: () => database.query(backUpRows),
    restore: () => database.query(putRowsBack),
  },
] as const)(
  "a ledger ($ledger) restored from a backup taken before its run was published adopts the publication",
  async ({ ledger, output, backUp, restore }) => {
    project = flightProject({ files: 3, write: outputs[output] });
    await brokenOff(ledger);
    await backUp();
    expect(inLedger(ledger, "retry")).toMatchObject({ status: 0 });
    await restore();
    expect(statusIn(ledger)).not.toMatchObject({ status: "published" });
    const told = inLedger(ledger, "retry", "--json");
    expect(told).toMatchObject({ status: 0 });
    expect(jsonLinesOf(told).at(-1)).toMatchObject({ publication: 1, exitCode: 0, error: null });
    expect(statusIn(ledger)).toMatchObject({ status: "published", publication: 1 });
    expect(await publishedKeys(output)).toEqual(keysBelow(150));
  },
);

test("cancel of a run that another ledger's coordinator published finds it published", async () => {
  project = flightProject({ files: 3, write: outputs.files });
  await brokenOff("A");
  expect(inLedger("B", "run", "flights").status).toBe(0);
  inLedger("A", "cancel", "flights");
  expect(statusIn("A")).toMatchObject({ status: "published", publication: 1 });
});

test.each(["files", "table"] as const)(
  "to %s, three coordinators with a journal each: one publishes, the others adopt it",
  async (output) => {
    project = flightProject({ files: 3, write: outputs[output] });
    const [first, second] = [await held("A"), await held("B")];
    expect(inLedger("C", "run", "flights")).toMatchObject({ status: 0 });
    for (const { run, letGo } of [first, second]) {
      letGo();
      const told = await run.finished;
      expect(told).toMatchObject({ status: 0 });
      expect(jsonLinesOf(told).at(-1)).toMatchObject({ publication: 1, error: null });
    }
    for (const ledger of ["A", "B"])
      expect(statusIn(ledger)).toMatchObject({ status: "published", publication: 1 });
    expect(await publishedKeys(output)).toEqual(keysBelow(150));
    if (output === "files") expect(readdirSync(join(project.cwd, ".out.nightshift/staging"))).toHaveLength(1);
    else
      expect(
        await database.query(
          "select 1 from pg_tables where schemaname = 'nightshift' and tablename like 'staging%'",
        ),
      ).toEqual([]);
  },
);
