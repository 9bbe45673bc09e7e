/** `overlap: cancel_running` where what goes on is another process's: another service of the same ledger, or a command. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { TickEnd } from "../../src/schedule-book.js";
import { cancelAsked, cancelAskedAt } from "../support/cancel-requests.js";
import { type DailyProject, dailyProject } from "../support/daily-project.js";
import { holding, keysIn } from "../support/flight-project.js";
import { nightshiftWith, type RunLine, startNightshift } from "../support/nightshift.js";
import { migrateAt } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";
import {
  clockAt,
  endServed,
  followedHereSince,
  followedSince,
  serveIn,
  stop,
  together,
} from "../support/served.js";

const job = ["daily", "15 * * * * UTC"] as const;
const since = new Date("2025-01-03T02:14:30Z");
const [first, second] = ["2025-01-03T02:15:00.000Z", "2025-01-03T03:15:00.000Z"];

let database: TestDatabase;
let project: DailyProject;

beforeAll(async () => {
  database = await createDatabase();
  await migrateAt(database.url);
});
afterAll(() => database.drop());
beforeEach(async () => {
  project = dailyProject("2025-01-01", 2);
  project.writeSpec({ more: ['schedule: { cron: "15 * * * *", overlap: cancel_running }'] });
  await database.query(
    "truncate nightshift.ledger_runs, nightshift.ledger_ticks, nightshift.ledger_schedules cascade",
  );
});
afterEach(async () => {
  await endServed();
  project.remove();
});

describe.each(["journal", "postgres"] as const)("%s", (ledger) => {
  const where = (): { readonly [name: string]: string } =>
    ledger === "postgres" ? { NIGHTSHIFT_LEDGER: database.url } : {};
  const follow = (): Promise<void> =>
    ledger === "postgres"
      ? followedSince(since, ...job, database.url)
      : followedHereSince(since, ...job, project.cwd);
  const json = (...argv: readonly string[]) =>
    JSON.parse(nightshiftWith(where(), project.cwd, ...argv, "--json").stdout);

  const asked = (): Promise<void> =>
    ledger === "postgres" ? cancelAskedAt(database) : cancelAsked(project.cwd);

  /** A service whose clock comes to the second tick a moment after it has started. */
  const later = () => serveIn(project.cwd, clockAt("2025-01-03T03:14:58", where()));

  const runOf = (ended: RunLine | null): unknown => (ended?.end as TickEnd | undefined)?.runId;

  async function expectTaken(run: unknown): Promise<void> {
    expect(json("ls", "runs")).toMatchObject([{ status: "published", run: { id: run } }]);
    const keys = Array.from({ length: project.rowsADay }, (_, row) => project.rowsADay + row);
    expect(await keysIn(project.out)).toEqual(keys);
  }

  test("a tick stops the run of another service's, and takes its place", async () => {
    await follow();
    const held = holding(project.cwd, { role: "thread", path: "dt=2025-01-02", nth: 1 });
    const one = serveIn(project.cwd, together(clockAt("2025-01-03T02:15:05", where()), held.env));
    await held.reached();
    const other = later();
    await other.until("tick.started", ({ at }) => at === second);
    await asked();
    held.letGo();
    expect(await one.until("tick.ended", ({ at }) => at === first)).toMatchObject({
      end: { status: "cancelled" },
    });
    const ended = await other.until("tick.ended", ({ at }) => at === second);
    expect(ended).toMatchObject({ end: { status: "published" } });
    expect(await Promise.all([one, other].map(stop))).toEqual([0, 0]);
    expect(json("ls", "ticks")).toMatchObject([
      { at: second, end: { status: "published" } },
      { at: first, end: { status: "cancelled" } },
    ]);
    await expectTaken(runOf(ended));
  });

  test("a tick stops the run of a command, and takes its place", async () => {
    await follow();
    const held = holding(project.cwd, { role: "thread", path: "dt=2025-01-02", nth: 1 });
    const typed = startNightshift(project.cwd, ["run", "daily", "--at", "2025-01-02"], {
      env: together(clockAt("2025-01-03T02:15:05", where()), held.env),
    });
    await held.reached();
    const service = later();
    await asked();
    held.letGo();
    const { status, stderr } = await typed.finished;
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining("cancelled") });
    const ended = await service.until("tick.ended", ({ at }) => at === second);
    expect(ended).toMatchObject({ end: { status: "published" } });
    expect(await stop(service)).toBe(0);
    await expectTaken(runOf(ended));
  });
});
