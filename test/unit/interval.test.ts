import { describe, expect, it } from "vitest";
import { SpecError } from "../../src/errors.js";
import {
  type Every,
  formatInZone,
  type IntervalRule,
  intervalAt,
  isCalendarDate,
  latestCompleteInterval,
  nextInterval,
  parseInstant,
} from "../../src/time/interval.js";
import { isTimezone } from "../../src/time/zone-clock.js";

function rule(every: Every, timezone: string, start: string | null = null): IntervalRule {
  return { every, timezone, start };
}

describe("the interval that an instant is in", () => {
  it.each<[string, Every, string, string, string, string, string]>([
    // what, every, zone, instant, start, end, ds
    [
      "a day in UTC",
      "day",
      "UTC",
      "2026-01-15T13:00Z",
      "2026-01-15T00:00:00Z",
      "2026-01-16T00:00:00Z",
      "2026-01-15",
    ],
    [
      "its first instant",
      "day",
      "UTC",
      "2026-01-15T00:00Z",
      "2026-01-15T00:00:00Z",
      "2026-01-16T00:00:00Z",
      "2026-01-15",
    ],
    [
      "a day west of UTC",
      "day",
      "America/Sao_Paulo",
      "2026-01-15T02:59Z",
      "2026-01-14T03:00:00Z",
      "2026-01-15T03:00:00Z",
      "2026-01-14",
    ],
    [
      "a day of 23 hours",
      "day",
      "Europe/Berlin",
      "2026-03-29T12:00Z",
      "2026-03-28T23:00:00Z",
      "2026-03-29T22:00:00Z",
      "2026-03-29",
    ],
    [
      "a day of 25 hours",
      "day",
      "Europe/Berlin",
      "2026-10-25T12:00Z",
      "2026-10-24T22:00:00Z",
      "2026-10-25T23:00:00Z",
      "2026-10-25",
    ],
    [
      "a zone of 45 minutes",
      "day",
      "Asia/Kathmandu",
      "2026-01-15T18:15Z",
      "2026-01-15T18:15:00Z",
      "2026-01-16T18:15:00Z",
      "2026-01-16",
    ],
    [
      "a day without a midnight",
      "day",
      "America/Sao_Paulo",
      "2018-11-04T12:00Z",
      "2018-11-04T03:00:00Z",
      "2018-11-05T02:00:00Z",
      "2018-11-04",
    ],
    [
      "a day whose last hour repeats",
      "day",
      "America/Sao_Paulo",
      "2018-02-18T02:30Z",
      "2018-02-17T02:00:00Z",
      "2018-02-18T03:00:00Z",
      "2018-02-17",
    ],
    [
      "the day before a skipped one",
      "day",
      "Pacific/Apia",
      "2011-12-30T09:59Z",
      "2011-12-29T10:00:00Z",
      "2011-12-30T10:00:00Z",
      "2011-12-29",
    ],
    [
      "the day after a skipped one",
      "day",
      "Pacific/Apia",
      "2011-12-30T10:00Z",
      "2011-12-30T10:00:00Z",
      "2011-12-31T10:00:00Z",
      "2011-12-31",
    ],
    [
      "a midnight that comes twice",
      "day",
      "America/St_Johns",
      "2010-11-07T02:45Z",
      "2010-11-07T02:30:00Z",
      "2010-11-08T03:30:00Z",
      "2010-11-07",
    ],
    [
      "a week from Monday",
      "week",
      "UTC",
      "2026-01-18T23:00Z",
      "2026-01-12T00:00:00Z",
      "2026-01-19T00:00:00Z",
      "2026-01-12",
    ],
    [
      "a week with a change of clocks",
      "week",
      "Europe/Berlin",
      "2026-03-25T12:00Z",
      "2026-03-22T23:00:00Z",
      "2026-03-29T22:00:00Z",
      "2026-03-23",
    ],
    [
      "a month",
      "month",
      "Europe/Berlin",
      "2026-03-31T21:59Z",
      "2026-02-28T23:00:00Z",
      "2026-03-31T22:00:00Z",
      "2026-03-01",
    ],
    [
      "December",
      "month",
      "UTC",
      "2025-12-31T23:59Z",
      "2025-12-01T00:00:00Z",
      "2026-01-01T00:00:00Z",
      "2025-12-01",
    ],
    [
      "an hour",
      "hour",
      "UTC",
      "2026-01-15T13:59Z",
      "2026-01-15T13:00:00Z",
      "2026-01-15T14:00:00Z",
      "2026-01-15",
    ],
    [
      "an hour of 45 minutes past",
      "hour",
      "Asia/Kathmandu",
      "2026-01-15T18:10Z",
      "2026-01-15T17:15:00Z",
      "2026-01-15T18:15:00Z",
      "2026-01-15",
    ],
    [
      "the first of two equal hours",
      "hour",
      "Europe/Berlin",
      "2026-10-25T00:30Z",
      "2026-10-25T00:00:00Z",
      "2026-10-25T01:00:00Z",
      "2026-10-25",
    ],
    [
      "the second of two equal hours",
      "hour",
      "Europe/Berlin",
      "2026-10-25T01:30Z",
      "2026-10-25T01:00:00Z",
      "2026-10-25T02:00:00Z",
      "2026-10-25",
    ],
    [
      "an hour cut by a half-hour change",
      "hour",
      "Australia/Lord_Howe",
      "2026-04-04T15:10Z",
      "2026-04-04T15:00:00Z",
      "2026-04-04T15:30:00Z",
      "2026-04-05",
    ],
  ])("is %s", (_, every, timezone, instant, start, end, ds) => {
    expect(intervalAt(new Date(instant), rule(every, timezone))).toEqual({ start, end, ds });
  });

  it("is a week from the weekday, or a month from the day, that `start` falls on", () => {
    const at = new Date("2026-02-10T00:00Z");
    expect(intervalAt(at, rule("week", "UTC", "2026-01-01")).ds).toBe("2026-02-05");
    expect(intervalAt(at, rule("month", "UTC", "2026-01-15")).ds).toBe("2026-01-15");
    expect(intervalAt(new Date("2026-02-15T00:00Z"), rule("month", "UTC", "2026-01-15")).ds).toBe(
      "2026-02-15",
    );
  });

  it("is refused before `start`", () => {
    const first = rule("day", "America/Sao_Paulo", "2026-01-01");
    expect(intervalAt(new Date("2026-01-01T03:00Z"), first).ds).toBe("2026-01-01");
    expect(() => intervalAt(new Date("2026-01-01T02:59Z"), first)).toThrow(
      expect.objectContaining({ code: "usage.before-start" }),
    );
  });
});

describe("intervals in a row", () => {
  it.each<[Every, string, string]>([
    ["hour", "Australia/Lord_Howe", "2026-04-03T00:00Z"],
    ["hour", "America/Sao_Paulo", "2018-02-17T00:00Z"],
    ["hour", "America/St_Johns", "2010-11-06T00:00Z"],
    ["day", "Pacific/Apia", "2011-12-20T00:00Z"],
    ["day", "America/St_Johns", "2010-11-01T00:00Z"],
    ["day", "Europe/Berlin", "2026-10-01T00:00Z"],
    ["week", "America/Sao_Paulo", "2018-10-01T00:00Z"],
    ["month", "Asia/Kathmandu", "1985-11-01T00:00Z"],
  ])("cover every %s of %s without gap or overlap", (every, timezone, from) => {
    const zone = rule(every, timezone);
    let interval = intervalAt(new Date(from), zone);
    for (let step = 0; step < 60; step++) {
      const next = nextInterval(interval, zone);
      expect(next.start).toBe(interval.end);
      expect(next.end > next.start).toBe(true);
      const middle = (Date.parse(next.start) + Date.parse(next.end)) / 2;
      expect(intervalAt(new Date(middle), zone)).toEqual(next);
      expect(intervalAt(new Date(Date.parse(next.end) - 1), zone)).toEqual(next);
      interval = next;
    }
  });
});

describe("the latest complete interval", () => {
  it.each([
    ["UTC", "2026-01-15T00:00Z", "2026-01-14"],
    ["UTC", "2026-01-14T23:59:59Z", "2026-01-13"],
    ["America/Sao_Paulo", "2026-01-15T02:59Z", "2026-01-13"],
    ["Asia/Kathmandu", "2026-01-14T18:15Z", "2026-01-14"],
    ["Pacific/Apia", "2011-12-30T10:00Z", "2011-12-29"],
  ])("in %s at %s is %s", (timezone, now, ds) => {
    expect(latestCompleteInterval(new Date(now), rule("day", timezone))?.ds).toBe(ds);
  });

  it("does not exist before the first one is over", () => {
    const first = rule("day", "UTC", "2026-01-10");
    expect(latestCompleteInterval(new Date("2026-01-05T00:00Z"), first)).toBeNull();
    expect(latestCompleteInterval(new Date("2026-01-10T23:59Z"), first)).toBeNull();
    expect(latestCompleteInterval(new Date("2026-01-11T00:00Z"), first)?.ds).toBe("2026-01-10");
  });
});

describe("--at", () => {
  it.each([
    ["2026-01-15", "America/Sao_Paulo", "2026-01-15T03:00:00.000Z"],
    ["2026-01-15T06:00", "America/Sao_Paulo", "2026-01-15T09:00:00.000Z"],
    ["2026-01-15 06:00:30", "UTC", "2026-01-15T06:00:30.000Z"],
    ["2026-01-15T06:00:00Z", "America/Sao_Paulo", "2026-01-15T06:00:00.000Z"],
    ["2026-01-15T06:00:00.5+05:45", "UTC", "2026-01-15T00:15:00.500Z"],
    ["2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:00:00.000Z"],
  ])("reads %s in %s as %s", (text, timezone, instant) => {
    expect(parseInstant(text, timezone).toISOString()).toBe(instant);
  });

  it.each([
    ["yesterday", "UTC"],
    ["2026-02-30", "UTC"],
    ["2026-02-30T10:00Z", "UTC"],
    ["2026-01-15T25:00", "UTC"],
    ["2026-1-5", "UTC"],
    ["2011-12-30", "Pacific/Apia"],
  ])("refuses %s in %s", (text, timezone) => {
    expect(() => parseInstant(text, timezone)).toThrow(SpecError);
    expect(() => parseInstant(text, timezone)).toThrow(expect.objectContaining({ code: "usage.bad-time" }));
  });
});

it("shows instants on the zone's clock with its offset", () => {
  const instant = new Date("2026-01-15T03:00:00Z");
  expect(formatInZone(instant, "UTC")).toBe("2026-01-15T03:00:00Z");
  expect(formatInZone(instant, "America/Sao_Paulo")).toBe("2026-01-15T00:00:00-03:00");
  expect(formatInZone(instant, "Asia/Kathmandu")).toBe("2026-01-15T08:45:00+05:45");
});

it("knows zones and dates from what only looks like them", () => {
  expect(["UTC", "Europe/Berlin", "Asia/Kathmandu"].every(isTimezone)).toBe(true);
  expect(["", "Mars/Olympus", "+03:00", "Europe/Berlinn"].some(isTimezone)).toBe(false);
  expect(isCalendarDate("2024-02-29")).toBe(true);
  expect(["2026-02-29", "2026-13-01", "26-01-01", ""].some(isCalendarDate)).toBe(false);
});
