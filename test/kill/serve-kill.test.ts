/** `serve` is killed at each step between a tick and the record of its end: started again, the run happened once. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { processes } from "../../src/ledgers/journal/processes.js";
import { scheduleStore } from "../../src/ledgers/journal/schedule-store.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { newUuid } from "../../src/wiring/system-clock.js";
import { type DailyProject, dailyProject } from "../support/daily-project.js";
import { keysIn } from "../support/flight-project.js";
import { nightshift } from "../support/nightshift.js";
import { clockAt, serveIn, stop } from "../support/served.js";

let project: DailyProject;
beforeEach(async () => {
  project = dailyProject("2025-01-01", 2);
  project.writeSpec({ more: ['schedule: { cron: "15 2 * * *" }'] });
  const place = {
    stateDir: join(project.cwd, ".nightshift"),
    fileSystem: localFileSystem(),
    uniqueName: newUuid,
    isAlive: processes().isAlive,
  };
  await scheduleStore(place).follow("daily", "15 2 * * * UTC", new Date("2025-01-03T02:00:00Z"));
});
afterEach(() => project.remove());

/** See kill-at.mjs. */
interface Step {
  readonly name: string;
  readonly op: "link" | "unlink" | "sync" | "write" | "rename";
  readonly path: string;
  readonly text?: string;
  readonly when: "before" | "after";
}

const tickFile = "/ticks/[^.]+\\.json$";
const steps: readonly Step[] = [
  { name: "before the tick is recorded", op: "link", path: tickFile, when: "before" },
  { name: "when the tick is recorded", op: "link", path: tickFile, when: "after" },
  { name: "before its scratch file is gone", op: "unlink", path: "/ticks/.*\\.tmp$", when: "before" },
  { name: "before the run is created", op: "link", path: "/keys/", when: "before" },
  { name: "when the run is created", op: "link", path: "/keys/", when: "after" },
  { name: "when the run is claimed", op: "link", path: "/journal\\.1\\.ndjson$", when: "after" },
  { name: "before the plan is saved", op: "sync", path: "plan\\.", when: "before" },
  { name: "while it is scored", op: "write", path: "journal", text: '"accepted"', when: "before" },
  { name: "before it is published", op: "link", path: "/log/\\d+\\.json$", when: "before" },
  { name: "when it is published", op: "link", path: "/log/\\d+\\.json$", when: "after" },
  { name: "before its end is recorded", op: "link", path: "/ticks/.*\\.end$", when: "before" },
  { name: "when its end is recorded", op: "link", path: "/ticks/.*\\.end$", when: "after" },
];

test.each(steps)("$name", async ({ name: _, ...step }) => {
  const mark = join(project.cwd, "killed");
  const kill = { role: "coordinator", nth: 1, target: "self", mark, ...step };
  const killed = serveIn(
    project.cwd,
    clockAt("2025-01-03T02:15:10", { NIGHTSHIFT_KILL_AT: JSON.stringify(kill) }),
  );
  await killed.finished;
  expect(existsSync(mark)).toBe(true);

  const again = serveIn(project.cwd, clockAt("2025-01-03T02:40:00"));
  const isOver = step.when === "after" && step.path.includes(".end");
  if (isOver) await again.until("spec.loaded");
  else await again.until("tick.ended");
  expect(await stop(again)).toBe(0);

  const ticks = JSON.parse(nightshift(project.cwd, "ls", "ticks", "--json").stdout);
  expect(ticks).toMatchObject([{ at: "2025-01-03T02:15:00.000Z", verdict: "fired" }]);
  expect(ticks[0].end.status).toMatch(/published$/);
  const runs = JSON.parse(nightshift(project.cwd, "ls", "runs", "--json").stdout);
  expect(runs).toMatchObject([
    { status: "published", run: { key: { generation: 1 }, interval: { ds: "2025-01-02" } } },
  ]);
  const keys = Array.from({ length: project.rowsADay }, (__, row) => project.rowsADay + row);
  expect(await keysIn(project.out)).toEqual(keys);
});
