// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is how databases are named
/** From table to table over a queue: workers find the database for themselves. */
import { afterEach, expect, test } from "vitest";
import { keysBelow } from "../support/flight-project.js";
import { type Fleet, queueFleet } from "../support/queue-fleet.js";
import { flightsSql, type TableProject, tableProject } from "../support/table-project.js";

const rows = 4_000;
let fleet: Fleet | null = null;
let project: TableProject | null = null;

afterEach(async () => {
  await fleet?.remove();
  project?.remove();
});

test("a worker is killed in the middle, and every row is in the table once", async () => {
  fleet = await queueFleet("postgres", { files: 1 });
  const { database } = fleet;
  await database.query(flightsSql(rows));
  const write = '{ to: "${FLIGHTS_URL}", table: public.scores, mode: replace, create: true }';
  project = tableProject(database.url, { write });
  const env = { FLIGHTS_URL: database.url };
  const [doomed] = [await fleet.worker({ env }), await fleet.worker({ env })];
  const run = fleet.coordinator(project.cwd, ["run", "flights"], { env });
  await doomed.said({ type: "partition.started" });
  doomed.child.kill("SIGKILL");
  const finished = await run.finished;
  expect(finished.status).toBe(0);
  // Its project limits threads, which workers do not apply.
  expect(finished.stderr.trim().split("\n")).toEqual([expect.stringContaining("limits.threads")]);
  const scored = await database.query<{ key: number }>(
    "select flight_id::int as key from scores order by flight_id",
  );
  expect(scored.map(({ key }) => key)).toEqual(keysBelow(rows));
});

test("a worker without the database's variable says so, and where it is", async () => {
  fleet = await queueFleet("postgres", { files: 1 });
  const { database } = fleet;
  await database.query(flightsSql(rows));
  project = tableProject(database.url);
  await fleet.worker();
  const run = fleet.coordinator(project.cwd, ["run", "flights"], { env: { FLIGHTS_URL: database.url } });
  const { status, stderr } = await run.finished;
  expect(status).toBe(2);
  expect(stderr).toMatch(/On \S+: .*cannot be reached from here: .*FLIGHTS_URL/);
});
