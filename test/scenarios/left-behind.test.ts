// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** What failed, superseded and damaged runs leave behind, and the commands that are said to help. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  type FlightProject,
  flightProject,
  holding,
  keysBelow,
  keysIn,
  writeFlights,
} from "../support/flight-project.js";
import { migrateAt } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";

let database: TestDatabase;
let project: FlightProject;

beforeAll(async () => {
  database = await createDatabase();
  await migrateAt(database.url);
}, 60_000);
afterAll(() => database.drop());
afterEach(() => project.remove());

const stagedRuns = (): readonly string[] => readdirSync(join(project.cwd, ".out.nightshift/staging"));
const stagingTables = () =>
  database.query("select 1 from pg_tables where schemaname = 'nightshift' and tablename like 'staging%'");
const env = () => ({ DATABASE_URL: database.url });
const cli = (...argv: readonly string[]) => project.nightshiftWith(env(), ...argv);
const statuses = () =>
  JSON.parse(cli("ls", "runs", "--json").stdout).map(({ status }: { status: string }) => status);

/** A run with one accepted partition that fails, since an input that it pins was replaced meanwhile. */
async function failedRun(): Promise<void> {
  const hold = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
  const run = project.start(["run", "flights"], { env: { ...hold.env, ...env() } });
  await hold.reached();
  const replaced = `${project.inputPath(2)}.new`;
  writeFlights(replaced, { first: 1000, rows: 50 });
  renameSync(replaced, project.inputPath(2));
  hold.letGo();
  expect(await run.finished).toMatchObject({ status: 1 });
}

test("--restart drops the run that failed since its input was replaced, with what it staged", async () => {
  project = flightProject({ files: 3 });
  await failedRun();
  expect(cli("run", "flights", "--restart")).toMatchObject({ status: 0 });
  expect(statuses().sort()).toEqual(["dropped", "published"]);
  expect(stagedRuns()).toHaveLength(1);
});

test.each([
  { output: "files", write: "{ to: ../out, mode: replace }" },
  {
    output: "table",
    write: "{ to: '${DATABASE_URL}', table: public.left_behind, create: true, mode: replace }",
  },
])(
  "gc drops what a failed run staged to $output once a later run is published",
  async ({ output, write }) => {
    project = flightProject({ files: 3, write });
    await failedRun();
    const left = async () => (output === "files" ? stagedRuns().length - 1 : (await stagingTables()).length);
    expect(cli("run", "flights")).toMatchObject({ status: 0 });
    expect(await left()).toBe(1);
    const wouldGo = JSON.parse(cli("gc", "--dry-run", "--json").stdout);
    expect(wouldGo).toMatchObject({ skipped: [], outputs: [{ removed: [expect.any(String)] }] });
    expect(await left()).toBe(1);
    expect(JSON.parse(cli("gc", "--json").stdout)).toMatchObject({
      skipped: [],
      outputs: [{ removed: wouldGo.outputs[0].removed }],
    });
    expect(await left()).toBe(0);
    expect(statuses().sort()).toEqual(["dropped", "published"]);
  },
);

test("gc drops what a run staged that failed by its rows while it published, once a later run is published", async () => {
  const write = "{ to: '${DATABASE_URL}', table: public.doubled, create: true, mode: upsert }";
  project = flightProject({ files: 2, write });
  writeFlights(project.inputPath(1), { first: 0, rows: 50 });
  expect(cli("run", "flights").status).not.toBe(0);
  expect(await stagingTables()).toHaveLength(1);
  writeFlights(project.inputPath(1), { first: 50, rows: 50 });
  expect(cli("run", "flights")).toMatchObject({ status: 0 });
  expect(cli("gc")).toMatchObject({ status: 0 });
  expect(await stagingTables()).toHaveLength(0);
  expect(statuses().sort()).toEqual(["dropped", "published"]);
});

test("a run that was paused does not put its older predictions in the place of a newer run's", async () => {
  project = flightProject({ files: 3 });
  const hold = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
  const paused = project.start(["run", "flights"], { env: { ...hold.env, ...env() } });
  await hold.reached();
  writeFlights(join(project.cwd, "input/09.parquet"), { first: 5000, rows: 50 });
  expect(cli("run", "flights")).toMatchObject({ status: 0 });
  hold.letGo();
  const ended = await paused.finished;
  expect(ended).toMatchObject({ status: 2 });
  expect(ended.stderr).toContain("an older run never replaces");
  const runs = JSON.parse(cli("ls", "runs", "--json").stdout);
  const older = runs.find(({ status }: { status: string }) => status === "failed");
  const again = cli("retry", older.run.id);
  expect(again).toMatchObject({ status: 2 });
  expect(again.stderr).toContain("an older run never replaces");
  expect(await keysIn(project.out)).toHaveLength(200);
  expect(cli("run", "flights", "--restart")).toMatchObject({ status: 0 });
  expect(await keysIn(project.out)).toHaveLength(200);
});

test("gc continues past a database that has moved and past a damaged journal, and says so", async () => {
  project = flightProject({ files: 3 });
  await failedRun();
  const spec = join(project.cwd, "jobs/flights.yaml");
  const text = readFileSync(spec, "utf8");
  writeFileSync(
    join(project.cwd, "jobs/moved.yaml"),
    text
      .replace("name: flights", "name: moved")
      .replace(
        /write: .*/,
        "write: { to: '${DATABASE_URL}', table: public.moved, create: true, mode: append }",
      ),
  );
  expect(cli("run", "moved")).toMatchObject({ status: 0 });
  expect(cli("run", "flights")).toMatchObject({ status: 0 });
  const elsewhere = { DATABASE_URL: database.url.replace(/\/[^/]*$/, "/elsewhere") };
  const gone = project.nightshiftWith(elsewhere, "gc", "--json");
  expect(gone.status).toBe(0);
  const told = JSON.parse(gone.stdout);
  expect(told.skipped).toMatchObject([{ output: expect.stringContaining("public.moved") }]);
  expect(told.outputs).toMatchObject([{ output: project.out, removed: [expect.any(String)] }]);
  expect(stagedRuns()).toHaveLength(1);

  const runs = join(project.cwd, ".nightshift/runs");
  const moved = readdirSync(runs).find((name) => name.startsWith("moved")) ?? "";
  const journal = join(runs, moved, "journal.1.ndjson");
  const lines = readFileSync(journal, "utf8");
  writeFileSync(journal, `${lines.slice(0, 40)}#${lines.slice(41)}`);
  const damaged = cli("gc", "--json");
  expect(damaged.status).toBe(1);
  expect(JSON.parse(damaged.stdout).skipped).toMatchObject([
    { output: `run ${moved}`, error: { code: "infra.journal-corrupt" } },
  ]);

  // What the hint says: the file from a backup, or the journal and the plan moved away.
  writeFileSync(journal, lines);
  expect(JSON.parse(cli("gc", "--json").stdout)).toMatchObject({ skipped: [] });
  writeFileSync(journal, `${lines.slice(0, 40)}#${lines.slice(41)}`);
  mkdirSync(join(project.cwd, "away"));
  for (const name of readdirSync(join(runs, moved)).filter((each) => /^(journal|plan)\./.test(each)))
    renameSync(join(runs, moved, name), join(project.cwd, "away", name));
  expect(JSON.parse(cli("gc", "--json").stdout)).toMatchObject({ skipped: [] });
  expect(cli("run", "moved")).toMatchObject({ status: 0 });
  expect(await database.query("select 1 from public.moved")).toHaveLength(150);
});

/** The file that every version links to. */
const firstPublished = (): string => {
  const root = realpathSync(project.out);
  const name = readdirSync(root, { recursive: true, encoding: "utf8" }).find((one) =>
    one.endsWith(".parquet"),
  );
  return join(root, name ?? "");
};

test("a published file that was damaged is not published again; what the error says helps", async () => {
  project = flightProject({ files: 1, write: "{ to: ../out, mode: append }" });
  const spec = join(project.cwd, "jobs/flights.yaml");
  writeFileSync(
    spec,
    readFileSync(spec, "utf8").replace("limits:", "intervals: { every: day, start: 2001-01-01 }\nlimits:"),
  );
  const day = (date: string, ...more: readonly string[]) => cli("run", "flights", "--at", date, ...more);
  expect(day("2001-01-01")).toMatchObject({ status: 0 });
  expect(cli("verify", "--output", "flights")).toMatchObject({ status: 0, stdout: "" });
  expect(cli("verify", "flights")).toMatchObject({ status: 0, stdout: "" });
  expect(cli("verify", "flights", "--output", "flights")).toMatchObject({ status: 2 });
  const file = firstPublished();
  const whole = readFileSync(file);
  const flipped = Uint8Array.from(whole);
  flipped[60] = (flipped[60] ?? 0) ^ 1;
  writeFileSync(file, flipped);
  const verified = cli("verify", "--output", project.out, "--json");
  expect(verified.status).toBe(1);
  expect(JSON.parse(verified.stdout)).toMatchObject({ files: 1, damaged: [{ problem: "digest" }] });

  truncateSync(file, 100);
  const refused = day("2001-01-02");
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain("has 100 bytes instead of");
  expect(refused.stderr).toContain("nightshift run flights --at 2001-01-01T00:00:00Z --reprocess");
  expect(cli("run", "flights", "--at", "2001-01-01T00:00:00Z", "--reprocess")).toMatchObject({ status: 0 });
  expect(day("2001-01-02")).toMatchObject({ status: 0 });
  expect((await keysIn(project.out)).toSorted((a, b) => a - b)).toEqual(
    keysBelow(50).flatMap((key) => [key, key]),
  );
});

test("a generation that broke off is named by run, backfill and retry, which do not need it", async () => {
  project = flightProject({ files: 3, write: "{ to: ../out, mode: append }" });
  const spec = join(project.cwd, "jobs/flights.yaml");
  writeFileSync(
    spec,
    readFileSync(spec, "utf8").replace("limits:", "intervals: { every: day, start: 2001-01-01 }\nlimits:"),
  );
  const interval = ["--at", "2001-01-01"];
  expect(cli("run", "flights", ...interval)).toMatchObject({ status: 0 });
  const hold = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
  const run = project.start(["run", "flights", ...interval, "--reprocess"], { env: hold.env });
  await hold.reached();
  run.child.kill("SIGKILL");
  await run.finished;
  const [unfinished, published] = JSON.parse(cli("ls", "runs", "--json").stdout);
  for (const argv of [
    ["run", "flights", ...interval],
    ["backfill", "flights", "--from", "2001-01-01", "--to", "2001-01-01"],
    ["retry", published.run.id],
  ])
    expect(cli(...argv)).toMatchObject({
      status: 0,
      stderr: expect.stringContaining(`nightshift retry ${unfinished.run.id}`),
    });
  expect(cli("run", "flights", ...interval, "--restart")).toMatchObject({ status: 0 });
  expect(statuses().sort()).toEqual(["dropped", "published"]);
  expect(existsSync(join(project.cwd, ".out.nightshift/staging", unfinished.run.id))).toBe(false);
});
