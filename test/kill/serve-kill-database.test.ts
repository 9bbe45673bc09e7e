/**
 * `serve` with its ledger in a database is killed as each statement passes between a tick and the record of its end: the
 * next one, on another machine or the same, brings about that the run happened once.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type CuttingProxy, cuttingProxy } from "../support/cutting-proxy.js";
import { type DailyProject, dailyProject } from "../support/daily-project.js";
import { keysIn } from "../support/flight-project.js";
import { nightshiftWith } from "../support/nightshift.js";
import { migrateAt } from "../support/postgres-ledgers.js";
import { type PostgresServer, startServer, type TestDatabase } from "../support/postgres-server.js";
import { clockAt, followedSince, serveIn, stop } from "../support/served.js";

let server: PostgresServer;
let proxy: CuttingProxy;
let database: TestDatabase;
let project: DailyProject;
let proxied: string;

beforeAll(async () => {
  server = await startServer();
  proxy = await cuttingProxy(server);
});
afterAll(async () => {
  await proxy.close();
  await server.remove();
});
beforeEach(async () => {
  database = await server.createDatabase();
  proxied = database.url.replace(`:${server.port}/`, `:${proxy.port}/`);
  await migrateAt(database.url);
  project = dailyProject("2025-01-01", 2);
  project.writeSpec({ more: ['schedule: { cron: "15 2 * * *" }'] });
  await followedSince(new Date("2025-01-03T02:00:00Z"), "daily", "15 2 * * * UTC", database.url);
});
afterEach(async () => {
  proxy.disarm();
  project.remove();
  await database.drop();
});

/** What goes to the database then. */
const steps = [
  { name: "before the tick is recorded", text: "insert into nightshift.ledger_ticks", when: "before" },
  { name: "when the tick is recorded", text: "insert into nightshift.ledger_ticks", when: "after" },
  { name: "before the run is created", text: "insert into nightshift.ledger_runs", when: "before" },
  { name: "when the run is created", text: "insert into nightshift.ledger_runs", when: "after" },
  { name: "when the run is claimed", text: "set coordinator_epoch", when: "after" },
  { name: "before the plan is saved", text: "set status = 'planned'", when: "before" },
  { name: "while it is scored", text: "set status = 'accepted', last_error", when: "before" },
  { name: "before it is published", text: '"type":"run.publishing"', when: "after" },
  { name: "when it is published", text: '"type":"run.published"', when: "before" },
  { name: "before its end is recorded", text: "update nightshift.ledger_ticks set ended", when: "before" },
  { name: "when its end is recorded", text: "update nightshift.ledger_ticks set ended", when: "after" },
] as const;

test.each(steps)("$name", async ({ text, when }) => {
  const killed = serveIn(project.cwd, clockAt("2025-01-03T02:15:10", { NIGHTSHIFT_LEDGER: proxied }));
  let isKilled = false;
  proxy.doAt({ text, nth: 1, when }, async () => {
    isKilled = killed.child.kill("SIGKILL");
    await killed.finished;
    return "cut";
  });
  await killed.finished;
  expect(isKilled).toBe(true);

  // Another process of the same machine sees at once that the first one is dead.
  const env = clockAt("2025-01-03T02:40:00", { NIGHTSHIFT_LEDGER: database.url });
  const again = serveIn(project.cwd, env);
  const isOver = text.includes("ended") && when === "after";
  await again.until(isOver ? "spec.loaded" : "tick.ended");
  expect(await stop(again)).toBe(0);

  const json = (...argv: readonly string[]) =>
    JSON.parse(nightshiftWith({ NIGHTSHIFT_LEDGER: database.url }, project.cwd, ...argv, "--json").stdout);
  const ticks = json("ls", "ticks");
  expect(ticks).toMatchObject([{ at: "2025-01-03T02:15:00.000Z", verdict: "fired" }]);
  expect(ticks[0].end.status).toMatch(/published$/);
  expect(json("ls", "runs")).toMatchObject([
    { status: "published", run: { key: { generation: 1 }, interval: { ds: "2025-01-02" } } },
  ]);
  const keys = Array.from({ length: project.rowsADay }, (_, row) => project.rowsADay + row);
  expect(await keysIn(project.out)).toEqual(keys);
});
