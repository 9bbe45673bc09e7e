/** The instants of cron expressions: the table of clock changes, and 20 years beside another implementation. */
import { CronExpressionParser } from "cron-parser";
import { describe, expect, test } from "vitest";
import { type Cron, instantsBetween, nextInstant, parseCron } from "../../src/time/cron.js";

function cronOf(text: string): Cron {
  const parsed = parseCron(text);
  if (parsed.kind === "mistake") throw new Error(parsed.message);
  return parsed.cron;
}

const between = (text: string, zone: string, after: string, until: string): readonly string[] =>
  [...instantsBetween(cronOf(text), zone, new Date(after), new Date(until))].map((instant) =>
    instant.toISOString().slice(0, 16),
  );

describe("the table of clock changes", () => {
  const newYork = "America/New_York";
  const spring = ["2026-03-08T05:00:00Z", "2026-03-09T05:00:00Z"] as const;
  const autumn = ["2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"] as const;
  test.each([
    ["02:30 in the gap runs once, at 03:30", "30 2 * * *", newYork, spring, ["2026-03-08T07:30"]],
    ["with 03:30 it is one tick", "30 2,3 * * *", newYork, spring, ["2026-03-08T07:30"]],
    ["a step of hours over the gap", "30 0-4/2 * * *", newYork, spring, ["05:30", "07:30", "08:30", "04:30"]],
    ["a fixed hour that repeats runs once", "30 1 * * *", newYork, autumn, ["2026-11-01T05:30"]],
    ["every minute of such an hour, once", "*/30 1 * * *", newYork, autumn, ["05:00", "05:30"]],
    ["hours by * run in both", "30 * * * *", newYork, autumn, 25],
    ["every minute of the long day", "* * * * *", newYork, autumn, 25 * 60],
    ["every minute of the short day", "* * * * *", newYork, spring, 23 * 60 + 60],
    [
      "a gap of half an hour",
      "15 2 * * *",
      "Australia/Lord_Howe",
      ["2026-10-03T00:00:00Z", "2026-10-04T13:00:00Z"],
      ["2026-10-03T15:45"],
    ],
    [
      "midnight in the gap",
      "0 0 * * *",
      "America/Sao_Paulo",
      ["2018-11-03T12:00:00Z", "2018-11-05T12:00:00Z"],
      ["2018-11-04T03:00", "2018-11-05T02:00"],
    ],
    [
      "a day that the zone skips runs on the next, once",
      "0 12 * * *",
      "Pacific/Apia",
      ["2011-12-29T00:00:00Z", "2012-01-01T12:00:00Z"],
      ["2011-12-29T22:00", "2011-12-30T22:00", "2011-12-31T22:00"],
    ],
  ] as const)("%s", (_, text, zone, [after, until], expected) => {
    const instants = between(text, zone, after, until);
    if (typeof expected === "number") expect(instants).toHaveLength(expected);
    else
      expect(instants.map((instant, index) => instant.slice(-(expected[index] ?? "").length))).toEqual(
        expected,
      );
  });
});

/** No change, both hemispheres, changes at midnight, changes around Ramadan. */
const zones = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "America/New_York", "Africa/Casablanca"];
const [start, end] = ["2006-01-01T00:00:00Z", "2026-01-01T00:00:00Z"];

test.each(zones)(
  "20 years of nights in %s: each date has one, at 02:30 or as much later as the clock jumped",
  (zone) => {
    const clock = new Intl.DateTimeFormat("sv-SE", {
      timeZone: zone,
      dateStyle: "short",
      timeStyle: "short",
    });
    const shown = [...instantsBetween(cronOf("30 2 * * *"), zone, new Date(start), new Date(end))].map(
      (instant) => clock.format(instant),
    );
    const dates = shown.map((text) => text.slice(0, 10));
    expect(new Set(dates).size).toBe(dates.length);
    expect(dates.length).toBe((Date.parse(end) - Date.parse(start)) / 86_400_000);
    const times = new Map<string, number>();
    for (const text of shown) times.set(text.slice(11), (times.get(text.slice(11)) ?? 0) + 1);
    // Only these two jump at 02:00, once a year; Casablanca often did.
    const late = times.get("03:30") ?? 0;
    if (zone === "Europe/Berlin" || zone === "America/New_York") expect(late).toBe(20);
    else if (zone !== "Africa/Casablanca") expect(late).toBe(0);
    expect(times.get("02:30")).toBe(dates.length - late);
  },
);

/** It takes half a millisecond and more a tick: months everywhere, weeks where clocks change at night. */
const compared = [
  ...zones.map((zone) => [zone, "15 0 1 * *"] as const),
  ["Europe/Berlin", "45 1 * * 0"],
  ["America/New_York", "30 2 8-14 3 0"],
  ["UTC", "0 12 13 * 5"],
] as const;

// In 2008 and 2009 its clocks jumped at the midnight of a first of June: cron-parser loses a tick in that gap.
const comparedFrom = (zone: string): string =>
  zone === "Africa/Casablanca" ? "2010-01-01T00:00:00Z" : start;

test.each(compared)("20 years in %s of `%s` are those of cron-parser", (zone, text) => {
  const theirs: string[] = [];
  const from = comparedFrom(zone);
  const iterator = CronExpressionParser.parse(text, { tz: zone, currentDate: from, endDate: end });
  while (iterator.hasNext()) theirs.push(iterator.next().toDate().toISOString().slice(0, 16));
  expect(between(text, zone, from, end)).toEqual(theirs);
});

test("asked one by one they are the same as in a row", () => {
  const cron = cronOf("*/7 1-3 * * *");
  const [after, until] = [new Date("2026-03-01T00:00:00Z"), new Date("2026-11-10T00:00:00Z")];
  const inARow = [...instantsBetween(cron, "America/New_York", after, until)];
  let at = after;
  for (const instant of inARow) {
    at = nextInstant(cron, "America/New_York", at) ?? after;
    expect(at).toEqual(instant);
  }
  expect(inARow.length).toBeGreaterThan(6000);
});

test.each([
  ["", "it has 0 fields, not five"],
  ["0 2 * *", "it has 4 fields, not five"],
  ["@daily", "it has 1 fields, not five"],
  ["60 * * * *", "`60` is not a valid minute: the range is 0 to 59"],
  ["0 24 * * *", "`24` is not a valid hour: the range is 0 to 23"],
  ["0 0 0 * *", "`0` is not a valid day of the month: the range is 1 to 31"],
  ["0 0 * foo *", "`foo` is not a valid month"],
  ["0 0 * * fri-mon", "`fri-mon` is not a valid day of the week"],
  ["*/0 * * * *", "the step of `*/0` is 0"],
  ["1-- * * * *", "`1--` is not a valid minute"],
  ["0 0 30 2 *", "there is no such day in the months it names"],
])("`%s` is refused: %s", (text, message) => {
  expect(parseCron(text)).toMatchObject({ kind: "mistake", message: expect.stringContaining(message) });
});

test("a leap day comes, however far away", () => {
  expect(nextInstant(cronOf("0 0 29 2 *"), "UTC", new Date("2096-03-01T00:00:00Z"))).toEqual(
    new Date("2104-02-29T00:00:00Z"),
  );
});
