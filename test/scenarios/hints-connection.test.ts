// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** A database server stops while a run uses it: the command that the error names publishes every row once. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type FlightProject, flightProject, holding, keysBelow, keysIn } from "../support/flight-project.js";
import { errorIn } from "../support/hints.js";
import { jsonLinesOf } from "../support/nightshift.js";
import { migrateAt } from "../support/postgres-ledgers.js";
import { type PostgresServer, startServer, type TestDatabase } from "../support/postgres-server.js";

let server: PostgresServer;
let database: TestDatabase;
let project: FlightProject;

beforeAll(async () => {
  server = await startServer();
}, 60_000);
afterAll(() => server.remove());
beforeEach(async () => {
  database = await server.createDatabase();
  await migrateAt(database.url);
});
afterEach(() => project.remove());

const toTable = "{ to: '${DATABASE_URL}', table: public.predicted, create: true, mode: replace }";

const toFiles = "{ to: ../out, mode: replace }";
const fromQuery =
  "{ from: '${DATABASE_URL}', query: 'select k as flight_id, distance, hour, origin, destination from flights, lateral pg_sleep(0.02 + k * 0)', key: [flight_id] }";

/** A server is away for the rest of the run, then back for what the hint names. */
const uses = [
  { use: "the ledger", write: toFiles, argv: ["--ledger"] },
  { use: "the output", write: toTable, argv: [] },
];

test.each(uses)(
  "$use is away in the middle of a run: the same command, once it is back, publishes",
  async (used) => {
    project = flightProject({ files: 3, write: used.write });
    const env = { DATABASE_URL: database.url };
    const command = ["run", "flights", "--json", ...used.argv.flatMap((option) => [option, database.url])];
    const hold = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
    const run = project.start(command, { env: { ...hold.env, ...env } });
    await hold.reached();
    await server.stop("immediate");
    hold.letGo();
    const broken = await run.finished;
    const { code, hint } = errorIn(broken);
    expect({ code, status: broken.status }).toEqual({ code: "infra.unreachable", status: 3 });
    await server.start();
    expect(hint).toContain("the same command");
    const helped = project.nightshiftWith(env, ...command);
    expect(helped).toMatchObject({ status: 0 });
    expect(jsonLinesOf(helped).at(-1)).toMatchObject({ status: "published" });
    const keys =
      used.write === toFiles
        ? await keysIn(project.out)
        : (
            await database.query<{ key: number }>("select flight_id::int as key from predicted order by 1")
          ).map(({ key }) => key);
    expect(keys).toEqual(keysBelow(150));
  },
);

test("the input is away while it is read: the same command, once it is back, publishes", async () => {
  project = flightProject({ files: 1, write: toFiles });
  await database.query(
    `create table flights as select k, 100 + k * 1.5::float8 as distance, k % 24 as hour,
       'ATL' as origin, 'MSY' as destination from generate_series(0, 149) k`,
  );
  const spec = join(project.cwd, "jobs/flights.yaml");
  writeFileSync(
    spec,
    readFileSync(spec, "utf8").replace(/^input: .*$/m, () => `input: ${fromQuery}`),
  );
  const env = { DATABASE_URL: database.url };
  const run = project.start(["run", "flights", "--json"], { env });
  await vi.waitUntil(isReading, { timeout: 30_000, interval: 20 });
  await server.stop("immediate");
  const broken = await run.finished;
  const { code, hint } = errorIn(broken);
  expect(["infra.connection-lost", "infra.unreachable"]).toContain(code);
  expect(hint).toMatch(/same command|run the command again/);
  await server.start();
  const helped = project.nightshiftWith(env, "run", "flights", "--json");
  expect(jsonLinesOf(helped).at(-1)).toMatchObject({ status: "published" });
  expect(await keysIn(project.out)).toEqual(keysBelow(150));
});

async function isReading(): Promise<boolean> {
  const sessions = await database.query(
    "select from pg_stat_activity where state = 'active' and query like '%pg_sleep%' and pid <> pg_backend_pid()",
  );
  return sessions.length > 0;
}
