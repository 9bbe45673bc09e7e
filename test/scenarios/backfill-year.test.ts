import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DailyProject, dailyProject } from "../support/daily-project.js";
import { keysIn } from "../support/flight-project.js";
import { jsonLinesOf, nightshift, startNightshift } from "../support/nightshift.js";

/** A year is a few thousand syncs: in memory, where there is such a place, they cost nothing. */
const inMemory = existsSync("/dev/shm") ? { place: "/dev/shm" } : {};
const range = ["backfill", "daily", "--from", "2025-01-01", "--to", "2025-12-31"];
let year: DailyProject;

beforeAll(() => {
  year = dailyProject("2025-01-01", 365, { rowsADay: 3, ...inMemory });
  year.writeSpec({ write: '{ to: "../out/dt={{ ds }}", mode: replace }' });
});
afterAll(() => year.remove());

test("a year of days is scored, each day once, and asked for again there is nothing to do", async () => {
  const first = await startNightshift(year.cwd, [...range, "--max-parallel", "2", "--json"]).finished;
  expect(first).toMatchObject({ status: 0, stderr: "" });
  const lines = jsonLinesOf(first);
  const { seconds, ...outcome } = lines.at(-1) ?? { type: "none" };
  expect(outcome).toMatchObject({ type: "backfill.outcome", done: 365, failed: 0, left: 0, exitCode: 0 });
  console.log(`365 intervals: ${Math.round((Number(seconds) / 365) * 1000)} ms each`);
  const published = lines.filter(({ type }) => type === "run.published").map(({ runId }) => runId);
  expect(new Set(published).size).toBe(365);
  expect(published).toHaveLength(365);
  expect(readdirSync(year.out).filter((name) => name.startsWith("dt="))).toEqual(
    year.days.map((day) => `dt=${day}`),
  );
  for (const day of ["2025-01-01", "2025-06-30", "2025-12-31"]) {
    const at = year.days.indexOf(day) * 3;
    expect(await keysIn(join(year.out, `dt=${day}`))).toEqual([at, at + 1, at + 2]);
  }

  const again = nightshift(year.cwd, ...range);
  expect(again).toMatchObject({ status: 0, stdout: "" });
  expect(again.stderr).toContain("0 intervals to run, 365 to skip");
  expect(again.stderr).toContain("nothing to do");
  const grid = nightshift(year.cwd, "status", "--job", "daily", "--to", "2026-01-02").stdout.split("\n");
  expect(grid.slice(0, 2)).toEqual([`2025-01  ${"■".repeat(31)}`, `2025-02  ${"■".repeat(28)}`]);
  expect(grid.at(12)).toBe("2026-01  ··");
  expect(grid.at(-2)).toBe("■ 365 published   · 2 missing");
}, 180_000);
