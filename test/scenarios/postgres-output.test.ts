// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** Parquet in, a table out, through the command line, against a real server. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FlightProject, flightProject, keysBelow } from "../support/flight-project.js";
import { migrateAt } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";

const canary = "kanarienvogel!";
let database: TestDatabase;
let env: { readonly [name: string]: string };
let project: FlightProject;

beforeAll(async () => {
  database = await createDatabase();
  // The server asks for no password: the test looks for it in all output.
  const url = new URL(database.url);
  url.password = canary;
  env = { DATABASE_URL: url.href };
}, 60_000);
afterAll(() => database.drop());
beforeEach(async () => {
  await database.query("drop schema if exists nightshift cascade; drop table if exists flights");
});
afterEach(() => project.remove());

async function migrated(): Promise<void> {
  await migrateAt(database.url);
}

const write = (rest: string): string => `{ to: '\${DATABASE_URL}', table: public.flights, ${rest} }`;
const run = (...argv: readonly string[]) => project.nightshiftWith(env, ...argv);

describe("a job that writes to a table", () => {
  it("says first how its own tables are made", () => {
    project = flightProject({ files: 1, write: write("mode: replace, create: true") });
    const { status, stderr } = run("run", "flights");
    expect(status).toBe(2);
    expect(stderr).toContain("nightshift migrate");
  });

  it("runs, is there once, is rolled back, and shows no secret", async () => {
    await migrated();
    project = flightProject({
      files: 3,
      threads: 2,
      write: write("mode: replace, create: true"),
      limits: ["on_row_error: quarantine"],
      hour: (key) => (key === 77 ? null : BigInt(key % 24)),
    });
    const said: string[] = [];
    const told = (...argv: readonly string[]) => {
      const { status, stdout, stderr } = run(...argv);
      said.push(stdout, stderr);
      return { status, text: stdout + stderr };
    };
    expect(told("plan", "flights").text).toContain("makes the table public.flights, with the key flight_id");
    const first = told("run", "flights");
    expect(first.text).toContain("150 = 149 predicted + 1 quarantined");
    expect(first).toMatchObject({ status: 4, text: expect.stringContaining("nightshift.quarantine") });
    const rows = await database.query<{ key: number }>(
      "select flight_id::int as key from flights order by flight_id",
    );
    expect(rows.map(({ key }) => key)).toEqual(keysBelow(150).filter((key) => key !== 77));
    expect(told("run", "flights").text).toContain("already published");
    expect(told("errors").text).toMatch(/null_value[\s\S]*77/);
    expect(told("files", "flights").text).toContain("is a table: it has no files");
    expect(told("run", "flights", "--reprocess").status).toBe(4);
    expect(told("rollback", "flights").text).toContain("rolled back postgres://");
    expect(told("status").text).toContain("rolled back");
    const shown = (more: { readonly [name: string]: string }) =>
      JSON.parse(project.nightshiftWith(more, "ls", "runs", "--json").stdout).map(
        (state: { readonly shown: string }) => state.shown,
      );
    expect(shown(env)).toEqual(["rolled back", "published"]);
    // Where the output cannot be asked, the ledger alone does not know.
    expect(shown({})).toEqual(["unknown", "unknown"]);
    expect(told("gc")).toMatchObject({ status: 0 });
    const kept = await database.query<{ text: string }>(
      "select (select json_agg(p)::text from nightshift.publications p) || (select json_agg(r)::text from nightshift.runs r) as text",
    );
    expect(said.join("") + kept[0]?.text).not.toContain("kanarien");
  });

  it("is refused before anything runs where the table's columns do not fit", async () => {
    await migrated();
    await database.query("create table flights (flight_id bigint primary key, delay real)");
    project = flightProject({ files: 1, write: write("mode: replace") });
    for (const command of ["validate", "plan", "run"]) {
      const { status, stderr } = run(command, "flights");
      expect({ command, status }).toEqual({ command, status: 2 });
      expect(stderr).toContain("there is no such column");
    }
    expect(await database.query("select 1 from nightshift.runs")).toEqual([]);
  });

  it("continues after its coordinator was killed, every key once", async () => {
    await migrated();
    project = flightProject({ files: 6, write: write("mode: upsert, create: true") });
    for (const at of ["partition.accepted", "run.publishing"]) {
      await database.query("drop table if exists flights");
      const { finished } = project.start(["run", "flights", "--json", "--reprocess"], {
        env,
        onEvent: ({ type }, child) => {
          if (type === at) child.kill("SIGKILL");
        },
      });
      await finished;
      const again = run("retry");
      expect(again.stderr + again.stdout).toMatch(/published/);
      const rows = await database.query<{ key: number }>(
        "select flight_id::int as key from flights order by 1",
      );
      expect(rows.map(({ key }) => key)).toEqual(keysBelow(300));
    }
  });
});
