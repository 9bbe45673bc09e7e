import {
  type Data,
  type DataType,
  DateDay,
  DateMillisecond,
  makeData,
  TimeMicrosecond,
  TimeSecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
} from "apache-arrow";
import { expect, it } from "vitest";
import type { TimePart } from "../../../src/mapping/mapping.js";
import { readPart } from "../../../src/scoring/binding/time-parts.js";
import { range, seeded } from "../../support/jobs.js";

const parts: readonly TimePart[] = [
  "year",
  "quarter",
  "month",
  "week",
  "day",
  "doy",
  "dow",
  "hour",
  "minute",
  "second",
];

function read(data: Data, part: TimePart, timezone = "UTC"): readonly number[] {
  const out = new Float64Array(data.length);
  readPart(data, part, timezone)(0, data.length, out);
  return [...out];
}

function stamps(type: DataType, values: readonly bigint[]): Data {
  return makeData({ type, data: BigInt64Array.from(values) } as Parameters<typeof makeData>[0]);
}

const milliseconds = (instants: readonly string[]) =>
  stamps(
    new TimestampMillisecond("UTC"),
    instants.map((instant) => BigInt(Date.parse(instant))),
  );

/** Computed with pandas 3 (`dayofweek`: Monday is 0; `isocalendar().week`). */
const byPandas: readonly (readonly [string, { readonly [part in TimePart]: number }])[] = [
  [
    "1970-01-01T00:00:00Z",
    { year: 1970, quarter: 1, month: 1, week: 1, day: 1, doy: 1, dow: 3, hour: 0, minute: 0, second: 0 },
  ],
  [
    "1969-12-31T23:59:59Z",
    {
      year: 1969,
      quarter: 4,
      month: 12,
      week: 1,
      day: 31,
      doy: 365,
      dow: 2,
      hour: 23,
      minute: 59,
      second: 59,
    },
  ],
  [
    "2000-02-29T12:34:56Z",
    { year: 2000, quarter: 1, month: 2, week: 9, day: 29, doy: 60, dow: 1, hour: 12, minute: 34, second: 56 },
  ],
  [
    "2021-01-03T23:59:59Z",
    { year: 2021, quarter: 1, month: 1, week: 53, day: 3, doy: 3, dow: 6, hour: 23, minute: 59, second: 59 },
  ],
  [
    "2024-12-30T00:00:00Z",
    { year: 2024, quarter: 4, month: 12, week: 1, day: 30, doy: 365, dow: 0, hour: 0, minute: 0, second: 0 },
  ],
  [
    "2026-11-20T06:05:04Z",
    { year: 2026, quarter: 4, month: 11, week: 47, day: 20, doy: 324, dow: 4, hour: 6, minute: 5, second: 4 },
  ],
  [
    "1900-03-01T00:00:00Z",
    { year: 1900, quarter: 1, month: 3, week: 9, day: 1, doy: 60, dow: 3, hour: 0, minute: 0, second: 0 },
  ],
  [
    "2100-12-31T18:00:00Z",
    {
      year: 2100,
      quarter: 4,
      month: 12,
      week: 52,
      day: 31,
      doy: 365,
      dow: 4,
      hour: 18,
      minute: 0,
      second: 0,
    },
  ],
];

it.each(parts)("%s is what pandas says", (part) => {
  const data = milliseconds(byPandas.map(([instant]) => instant));
  expect(read(data, part)).toEqual(byPandas.map(([, fields]) => fields[part]));
});

it("every unit of timestamp gives the same, before the epoch too", () => {
  const random = seeded(1);
  const seconds = range(200).map(() => BigInt(Math.floor((random() - 0.5) * 8e9)));
  const perSecond: readonly (readonly [DataType, bigint])[] = [
    [new TimestampMillisecond("UTC"), 1000n],
    [new TimestampMicrosecond("UTC"), 1_000_000n],
    [new TimestampNanosecond("UTC"), 1_000_000_000n],
  ];
  for (const part of parts) {
    const expected = read(stamps(new TimestampSecond("UTC"), seconds), part);
    for (const [type, factor] of perSecond) {
      expect(
        read(
          stamps(
            type,
            seconds.map((second) => second * factor),
          ),
          part,
        ),
      ).toEqual(expected);
      // The last instant of a second still belongs to it, which doubles can't tell for nanoseconds.
      expect(
        read(
          stamps(
            type,
            seconds.map((second) => (second + 1n) * factor - 1n),
          ),
          part,
        ),
      ).toEqual(expected);
    }
  }
});

it("dates have days, times of day have hours", () => {
  const days = makeData({ type: new DateDay(), data: Int32Array.of(0, 19_782, -1) });
  expect(read(days, "year")).toEqual([1970, 2024, 1969]);
  expect(read(days, "dow")).toEqual([3, 3, 2]);
  const instants = makeData({ type: new DateMillisecond(), data: BigInt64Array.of(-1n, 86_400_000n) });
  expect(read(instants, "day")).toEqual([31, 2]);
  expect(read(makeData({ type: new TimeSecond(), data: Int32Array.of(86_399) }), "hour")).toEqual([23]);
  expect(
    read(makeData({ type: new TimeMicrosecond(), data: BigInt64Array.of(3_660_000_001n) }), "minute"),
  ).toEqual([1]);
});

/** Computed with pandas: instant, zone, day, hour, minute. */
const zoned: readonly (readonly [string, string, number, number, number])[] = [
  ["2024-03-10T09:59:59Z", "America/Los_Angeles", 10, 1, 59],
  ["2024-03-10T10:00:00Z", "America/Los_Angeles", 10, 3, 0],
  ["2024-11-03T08:59:59Z", "America/Los_Angeles", 3, 1, 59],
  ["2024-11-03T09:00:00Z", "America/Los_Angeles", 3, 1, 0],
  ["2024-10-05T15:29:59Z", "Australia/Lord_Howe", 6, 1, 59],
  ["2024-10-05T15:30:00Z", "Australia/Lord_Howe", 6, 2, 30],
  ["2024-06-01T20:00:00Z", "Asia/Kathmandu", 2, 1, 45],
  ["1995-12-31T23:30:00Z", "Europe/Lisbon", 1, 0, 30],
  ["2024-06-01T01:00:00Z", "-03:30", 31, 21, 30],
  ["2024-06-01T20:00:00Z", "+05:45", 2, 1, 45],
];

it.each(zoned)("%s in %s, around changes of the clock", (instant, zone, day, hour, minute) => {
  const data = milliseconds([instant]);
  expect([read(data, "day", zone), read(data, "hour", zone), read(data, "minute", zone)]).toEqual([
    [day],
    [hour],
    [minute],
  ]);
});

it("zones agree with Intl asked about every instant", () => {
  const random = seeded(2);
  const instants = range(300).map(() => Math.floor((random() * 60 - 5) * 31_557_600) * 1000);
  const data = stamps(new TimestampMillisecond("UTC"), instants.map(BigInt));
  for (const zone of ["America/Sao_Paulo", "Australia/Lord_Howe", "Europe/London", "Pacific/Apia"]) {
    const format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    const hours = read(data, "hour", zone);
    const minutes = read(data, "minute", zone);
    for (const [index, instant] of instants.entries())
      expect(`${String(hours[index]).padStart(2, "0")}:${String(minutes[index]).padStart(2, "0")}`).toBe(
        format.format(instant),
      );
  }
});
