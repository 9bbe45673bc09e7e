// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** An upsert of an older interval changes no row of its table, and every report of the run says so. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type FlightProject, flightProject } from "../support/flight-project.js";
import { jsonLinesOf } from "../support/nightshift.js";
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

test("the summary, --json, ls runs and rollback tell that an older interval left the table as it was", async () => {
  project = flightProject({
    files: 1,
    write: "{ to: '${DATABASE_URL}', table: public.predicted, create: true, mode: upsert }",
  });
  const spec = join(project.cwd, "jobs/flights.yaml");
  writeFileSync(spec, readFileSync(spec, "utf8").replace("write:", "intervals: { every: day }\nwrite:"));
  const cli = (...argv: readonly string[]) => project.nightshiftWith({ DATABASE_URL: database.url }, ...argv);
  const table = () => database.query("select * from predicted order by flight_id");

  const newer = cli("run", "flights", "--at", "2026-01-02", "--json");
  expect(jsonLinesOf(newer).at(-1)).toMatchObject({ status: "published" });
  const before = await table();
  const older = cli("run", "flights", "--at", "2026-01-01");
  expect(older).toMatchObject({ status: 0 });
  expect(older.stderr + older.stdout).toMatch(/50 older than what is there/);
  expect(await table()).toEqual(before);

  const again = cli("run", "flights", "--at", "2026-01-01", "--reprocess", "--json");
  expect(jsonLinesOf(again).at(-1)).toMatchObject({
    status: "published",
    changes: { inserted: 0, updated: 0, unchanged: 0, older: 50, deleted: 0 },
  });
  expect(await table()).toEqual(before);

  const rolledBack = cli("rollback", "flights");
  expect(rolledBack).toMatchObject({ status: 0 });
  expect(rolledBack.stderr).toContain("no row of it was ever visible");
  const runs: readonly { shown: string }[] = JSON.parse(cli("ls", "runs", "--json").stdout);
  expect(runs.map(({ shown }) => shown)).toEqual(["rolled back", "published", "published"]);
  expect(await table()).toEqual(before);
});
