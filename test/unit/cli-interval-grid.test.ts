import { expect, test } from "vitest";
import { type CellState, intervalGrid } from "../../src/cli/output/interval-grid.js";
import { makePaint } from "../../src/cli/output/paint.js";
import type { Every } from "../../src/time/interval.js";
import { type IntervalRule, intervalsThrough } from "../../src/time/interval.js";

function grid(
  every: Every,
  from: string,
  to: string,
  states: readonly CellState[],
  timezone = "UTC",
): readonly string[] {
  const rule: IntervalRule = { every, timezone, start: null };
  const intervals = [...intervalsThrough(new Date(from), new Date(to), rule)];
  const cells = intervals.map((interval, index) => ({
    interval,
    state: states[index % states.length] ?? "missing",
  }));
  return intervalGrid(every, cells, makePaint(false)).split("\n");
}

test("days are lines of a month, each in its column, and every state has a mark of its own", () => {
  expect(
    grid("day", "2026-01-29T00:00:00Z", "2026-02-05T00:00:00Z", [
      ...([
        "published",
        "quarantined",
        "failed",
        "interrupted",
        "running",
        "missing",
        "skipped",
        "not over",
      ] as const),
    ]),
  ).toEqual([
    `2026-01  ${" ".repeat(28)}■▣x`,
    "2026-02  ~>·-…",
    "",
    "■ 1 published   ▣ 1 quarantined   x 1 failed   ~ 1 interrupted   > 1 running   · 1 missing   - 1 skipped   … 1 not over",
  ]);
});

test("hours are lines of a day, months of a year, weeks too", () => {
  expect(grid("hour", "2026-01-01T22:00:00Z", "2026-01-02T01:00:00Z", ["published"]).slice(0, 2)).toEqual([
    `2026-01-01  ${" ".repeat(22)}■■`,
    "2026-01-02  ■■",
  ]);
  expect(
    grid("month", "2025-11-01T00:00:00Z", "2026-02-01T00:00:00Z", ["published", "missing"]).slice(0, 2),
  ).toEqual(["2025            ■·", "2026  ■·"]);
  expect(grid("week", "2026-01-05T00:00:00Z", "2026-01-25T00:00:00Z", ["published"])[0]).toBe("2026  ■■■");
});

test("months on end of nothing are one line", () => {
  const run = Array<CellState>(31).fill("published");
  const rows = grid("day", "2025-12-01T00:00:00Z", "2026-12-31T00:00:00Z", [
    ...run,
    ...Array<CellState>(334).fill("missing"),
    ...run,
  ]);
  expect(rows).toEqual([
    `2025-12  ${"■".repeat(31)}`,
    "…        2026-01 to 2026-11: 334 missing",
    `2026-12  ${"■".repeat(31)}`,
    "",
    "■ 62 published   · 334 missing",
  ]);
  const short = grid("day", "2026-01-01T00:00:00Z", "2026-03-31T00:00:00Z", ["missing"]);
  expect(short).toHaveLength(5);
});

test("colours never change what is where", () => {
  const rule: IntervalRule = { every: "day", timezone: "UTC", start: null };
  const cells = [...intervalsThrough(new Date("2026-01-01"), new Date("2026-01-03"), rule)].map(
    (interval) => ({
      interval,
      state: "failed" as const,
    }),
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one.
  const plain = intervalGrid("day", cells, makePaint(true)).replaceAll(/\x1b\[\d+m/g, "");
  expect(plain).toBe(intervalGrid("day", cells, makePaint(false)));
});
