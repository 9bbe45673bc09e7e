/** `serve` with its ticks and runs in a database, as on several machines; and with its partitions over a queue. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { apiClient } from "../support/api-client.js";
import { type DailyProject, dailyProject } from "../support/daily-project.js";
import { keysIn } from "../support/flight-project.js";
import { type Finished, jsonLinesOf, nightshiftWith, startNightshift } from "../support/nightshift.js";
import { type PostgresServer, startServer, type TestDatabase } from "../support/postgres-server.js";
import { clockAt, followedSince, type Served, serveIn, stop } from "../support/served.js";

const night = "2025-01-03T02:15:00.000Z";

let server: PostgresServer;
let database: TestDatabase;
let project: DailyProject;
/** Of the machines that there are. */
let states: string[];

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.remove());
beforeEach(async () => {
  database = await server.createDatabase();
  project = dailyProject("2025-01-01", 3);
  project.writeSpec({ more: ['schedule: { cron: "15 2 * * *" }'] });
  states = [];
  expect(cli("migrate").status).toBe(0);
  await followedSince(new Date("2025-01-03T02:00:00Z"), "daily", "15 2 * * * UTC", database.url);
});
afterEach(async () => {
  project.remove();
  for (const state of states) rmSync(state, { recursive: true, force: true });
  await database.drop();
});

const cli = (...argv: readonly string[]): Finished =>
  nightshiftWith({ NIGHTSHIFT_LEDGER: database.url }, project.cwd, ...argv);
const json = (...argv: readonly string[]) => JSON.parse(cli(...argv, "--json").stdout);

/** With a state directory of its own: what it shares with others is the database. */
function machine(at: string, ...more: readonly string[]): Served {
  const state = mkdtempSync(join(tmpdir(), "nightshift-machine-"));
  states.push(state);
  const env = clockAt(at, { NIGHTSHIFT_LEDGER: database.url });
  return serveIn(project.cwd, env, "--state", state, ...more);
}

const keysOfDay = (index: number): readonly number[] =>
  Array.from({ length: project.rowsADay }, (_, row) => index * project.rowsADay + row);

test("of machines that race one fires the tick; every machine sees what became of it", async () => {
  const machines = [1, 2].map(() => machine("2025-01-03T02:14:53"));
  await Promise.race(machines.map((each) => each.until("tick.ended")));
  expect(await Promise.all(machines.map(stop))).toEqual([0, 0]);
  const fired = machines.flatMap(({ events }) => events.filter(({ type }) => type === "tick.decided"));
  expect(fired).toHaveLength(1);
  expect(json("ls", "runs")).toMatchObject([{ status: "published", run: { trigger: "schedule" } }]);
  expect(await keysIn(project.out)).toEqual(keysOfDay(1));
  expect(json("ls", "ticks")).toMatchObject([{ at: night, verdict: "fired", end: { status: "published" } }]);
  expect(json("ls", "jobs")).toMatchObject([
    { name: "daily", paused: false, last: expect.any(String), next: expect.stringMatching(/T02:15:00/) },
  ]);
  expect(cli("pause", "daily").stderr).toBe("daily is paused\n");
  expect(json("ls", "jobs")).toMatchObject([{ paused: true, next: null }]);
  expect(cli("resume", "daily").stderr).toBe("daily runs again when it is due\n");
});

test("an interrupted backfill of `all` continues from any directory of the same ledger", () => {
  const range = ["backfill", "daily", "--from", "2025-01-01", "--to", "2025-01-03", "--reprocess", "all"];
  expect(cli(...range).status).toBe(0);
  rmSync(project.inputPath("2025-01-03"));
  expect(cli(...range).status).toBe(2);
  project.writeDay("2025-01-03");
  const again = cli(...range, "--state", join(project.cwd, "elsewhere"), "--json");
  const decided = jsonLinesOf(again).filter(({ type }) => type === "interval.decided");
  expect(decided.map(({ action }) => action)).toEqual(["skip", "skip", "run"]);
  expect(again.status).toBe(0);
});

test("while the ledger is away the service says so, and continues when it is back", async () => {
  const service = machine("2025-01-03T02:00:00", "--listen", "127.0.0.1:0");
  const listening = await service.until("api.listening");
  const api = await apiClient(String(listening?.url));
  expect((await api.get("/readyz")).status).toBe(200);
  await server.stop("immediate");
  expect((await api.get("/healthz")).status).toBe(200);
  while ((await api.get("/readyz")).status === 200) await new Promise((resolve) => setTimeout(resolve, 200));
  expect((await api.get("/readyz")).body).toEqual({
    ...{ status: "unready", ledger: "unreachable", schedules: "unreachable" },
  });
  for (const answer of [
    await api.get("/v1/runs"),
    await api.post("/v1/jobs/daily/runs", { at: "2025-01-01" }),
    await api.post("/v1/jobs/daily/pause"),
  ]) {
    expect(answer).toMatchObject({ status: 503, body: { code: expect.stringMatching(/^infra\./) } });
    expect(answer.text).not.toMatch(/ at .*:\d+:\d+/);
  }
  await server.start();
  while ((await api.get("/readyz")).status !== 200) await new Promise((resolve) => setTimeout(resolve, 200));
  const { body } = await api.post("/v1/jobs/daily/runs", { at: "2025-01-01" });
  expect(await service.until("run.ended", ({ run }) => run === body.run)).toMatchObject({
    status: "published",
  });
  expect(await stop(service)).toBe(0);
});

test("partitions go over a queue to workers", async () => {
  expect(cli("migrate", "--queue", database.url).status).toBe(0);
  const env = { NIGHTSHIFT_LEDGER: database.url, NIGHTSHIFT_QUEUE: database.url };
  const accepted: unknown[] = [];
  const worker = startNightshift(project.cwd, ["worker", "--threads", "1", "--json"], {
    env,
    onEvent: (event) => void (event.type === "partition.accepted" && accepted.push(event.runId)),
  });
  const service = machine("2025-01-03T02:14:57", "--queue", database.url, "--listen", "127.0.0.1:0");
  const api = await apiClient(String((await service.until("api.listening"))?.url));
  const { body } = await api.post("/v1/jobs/daily/runs", { at: "2025-01-01", lane: "events" });
  const ticked = await service.until("tick.ended");
  expect(ticked).toMatchObject({ end: { status: "published" } });
  await service.until("run.ended", ({ run }) => run === body.run);
  expect(await stop(service)).toBe(0);
  worker.child.kill("SIGTERM");
  expect((await worker.finished).status).toBe(0);
  expect(accepted).toHaveLength(2);
  const lanes = json("ls", "runs").map(({ run }: { run: { id: string; lane?: string } }) => [
    run.id,
    run.lane,
  ]);
  expect(lanes).toContainEqual([body.run, "events"]);
  expect((await keysIn(project.out)).toSorted((a, b) => a - b)).toEqual([...keysOfDay(0), ...keysOfDay(1)]);
});
