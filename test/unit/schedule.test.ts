/** What becomes of ticks: catching up, deadlines, overlap, pauses, and clocks that jump. */
import { expect, test } from "vitest";
import { parseCron } from "../../src/time/cron.js";
import { decideTicks, type Schedule, type Tick } from "../../src/time/schedule.js";
import { seededRandom } from "../support/seeded-random.js";

function schedule(expression: string, parts: Partial<Schedule> = {}): Schedule {
  const parsed = parseCron(expression);
  if (parsed.kind === "mistake") throw new Error(parsed.message);
  const defaults = { timezone: "UTC", catchup: "latest", overlap: "skip", startDeadlineMs: null } as const;
  return { expression, cron: parsed.cron, ...defaults, ...parts };
}

const hourMs = 3_600_000;
const nightly = "15 2 * * *";
const fourNights = { cursor: new Date("2026-01-01T12:00:00Z"), now: new Date("2026-01-05T03:00:00Z") };
const quiet = { paused: false, busyWith: null };

const verdicts = (parts: Partial<Schedule>, moment: object = {}): readonly (readonly [string, string])[] =>
  decideTicks(schedule(nightly, parts), { ...fourNights, ...quiet, ...moment }).map(({ at, verdict }) => [
    at.slice(8, 10),
    verdict,
  ]);

test("of four nights without a scheduler the latest is caught up with, or all, or none", () => {
  expect(verdicts({ catchup: "latest" })).toEqual([
    ["02", "skipped"],
    ["03", "skipped"],
    ["04", "skipped"],
    ["05", "fired"],
  ]);
  expect(verdicts({ catchup: "all" }).map(([, verdict]) => verdict)).toEqual(Array(4).fill("fired"));
  expect(verdicts({ catchup: "none" }).map(([, verdict]) => verdict)).toEqual(Array(4).fill("missed"));
  const inTime = { cursor: new Date("2026-01-04T12:00:00Z"), now: new Date("2026-01-05T02:15:20Z") };
  expect(verdicts({ catchup: "none" }, inTime)).toEqual([["05", "fired"]]);
});

test("past its start_deadline a tick is missed", () => {
  expect(verdicts({ catchup: "all", startDeadlineMs: 30 * hourMs })).toEqual([
    ["02", "missed"],
    ["03", "missed"],
    ["04", "fired"],
    ["05", "fired"],
  ]);
  expect(verdicts({ startDeadlineMs: 60_000 }).at(-1)).toEqual(["05", "missed"]);
});

test("while the job is paused, or a run of it is running, a tick is skipped with the reason", () => {
  expect(verdicts({ catchup: "all" }, { paused: true }).map(([, verdict]) => verdict)).toEqual(
    Array(4).fill("skipped"),
  );
  const busy = { ...fourNights, ...quiet, busyWith: "2026-01-01T02:15:00.000Z" };
  expect(decideTicks(schedule(nightly), busy).at(-1)).toMatchObject({
    verdict: "skipped",
    reason: "the run of 2026-01-01T02:15:00.000Z was still active (overlap: skip)",
  });
  for (const overlap of ["queue", "cancel_running", "allow"] as const)
    expect(decideTicks(schedule(nightly, { overlap }), busy).at(-1)?.verdict).toBe("fired");
});

test("a year of minutes without a scheduler is recorded in a thousand ticks, and none is lost count of", () => {
  const ticks = decideTicks(schedule("* * * * *", { catchup: "all" }), {
    ...quiet,
    cursor: new Date("2025-01-01T00:00:00Z"),
    now: new Date("2026-01-01T00:00:00Z"),
  });
  expect(ticks).toHaveLength(1001);
  expect(ticks.reduce((sum, tick) => sum + tick.ticks, 0)).toBe(365 * 24 * 60);
  expect(ticks.filter(({ verdict }) => verdict === "fired")).toHaveLength(100);
  expect(ticks.at(-1)).toMatchObject({ at: "2026-01-01T00:00:00.000Z", verdict: "fired" });
});

/** Follows a schedule while the clock does what it wants; the cursor is the last tick, as the store has it. */
function follow(spec: Schedule, times: Iterable<number>, start: number): readonly Tick[] {
  const all: Tick[] = [];
  let cursor = start;
  for (const now of times) {
    const ticks = decideTicks(spec, { ...quiet, cursor: new Date(cursor), now: new Date(now) });
    all.push(...ticks);
    cursor = Math.max(cursor, Date.parse(ticks.at(-1)?.at ?? "") || 0);
  }
  return all;
}

test.each([
  ["an hour", hourMs],
  ["a day", 24 * hourMs],
])(
  "10,000 ticks with a clock that jumps by %s, back and forth: each is decided once, in order",
  (_, jumpMs) => {
    const random = seededRandom(7);
    const start = Date.parse("2026-03-01T00:00:00Z");
    const times: number[] = [];
    let now = start;
    let jump = 0;
    for (let minute = 0; minute < 10_200; minute++) {
      now += 60_000;
      if (random() < 0.01) jump = random() < 0.5 ? jumpMs : random() < 0.5 ? -jumpMs : 0;
      times.push(now + jump + Math.floor(random() * 20_000));
    }
    const spec = schedule("* * * * *", { catchup: "all", timezone: "Europe/Berlin" });
    const ticks = follow(spec, times, start);
    const last = Math.floor(Math.max(...times) / 60_000) * 60_000;
    let cursor = start;
    for (const { at, ticks: number } of ticks) {
      // Each follows on the one before, and one that stands for several reaches back to it.
      expect(Date.parse(at)).toBe(cursor + number * 60_000);
      cursor = Date.parse(at);
    }
    expect(cursor).toBe(last);
    expect((cursor - start) / 60_000).toBeGreaterThanOrEqual(10_000);
  },
);

test("a clock that goes back fires nothing again, and continues where it was", () => {
  const spec = schedule("0 * * * *");
  const at = (hour: number) => Date.parse("2026-01-01T00:00:30Z") + hour * hourMs;
  const ticks = follow(spec, [at(1), at(2), at(0), at(1), at(2), at(3)], at(0));
  expect(ticks.map(({ at: tick }) => tick.slice(11, 13))).toEqual(["01", "02", "03"]);
});
