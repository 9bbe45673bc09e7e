/** `overlap: cancel_running` where what goes on is another process's: another service of the same ledger, or a command. */
import { describe, expect, test } from "vitest";
import type { TickEnd } from "../../src/ledgers/schedule-store.js";
import { cancelAsked, cancelAskedAt } from "../support/cancel-requests.js";
import { holding, keysIn } from "../support/flight-project.js";
import { type RunLine, startNightshift } from "../support/nightshift.js";
import { clockAt, serveIn, stop, together } from "../support/served.js";
import { servedProject } from "../support/served-project.js";

const job = ["daily", "15 * * * * UTC"] as const;
const since = new Date("2025-01-03T02:14:30Z");
const [first, second] = ["2025-01-03T02:15:00.000Z", "2025-01-03T03:15:00.000Z"];

describe.each(["journal", "postgres"] as const)("%s", (ledger) => {
  const served = servedProject(ledger, 2, ['schedule: { cron: "15 * * * *", overlap: cancel_running }']);
  const { env, followed, json } = served;

  const asked = (): Promise<void> =>
    served.database === null ? cancelAsked(served.project.cwd) : cancelAskedAt(served.database);

  /** A service whose clock comes to the second tick a moment after it has started. */
  const later = () => serveIn(served.project.cwd, clockAt("2025-01-03T03:14:58", env()));

  const runOf = (ended: RunLine | null): unknown => (ended?.end as TickEnd | undefined)?.runId;

  async function expectTaken(run: unknown): Promise<void> {
    expect(json("ls", "runs")).toMatchObject([{ status: "published", run: { id: run } }]);
    const keys = Array.from({ length: served.project.rowsADay }, (_, row) => served.project.rowsADay + row);
    expect(await keysIn(served.project.out)).toEqual(keys);
  }

  test("a tick stops the run of another service's, and takes its place", async () => {
    await followed(since, ...job);
    const held = holding(served.project.cwd, { role: "thread", path: "dt=2025-01-02", nth: 1 });
    const one = serveIn(served.project.cwd, together(clockAt("2025-01-03T02:15:05", env()), held.env));
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
    await followed(since, ...job);
    const held = holding(served.project.cwd, { role: "thread", path: "dt=2025-01-02", nth: 1 });
    const typed = startNightshift(served.project.cwd, ["run", "daily", "--at", "2025-01-02"], {
      env: together(clockAt("2025-01-03T02:15:05", env()), held.env),
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
