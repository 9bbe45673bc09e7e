/** Reads calendar fields of timestamps, dates and times of day as numbers. */
import { type Data, DataType, DateUnit } from "apache-arrow";
import { BugError } from "../../errors.js";
import type { TimePart } from "../../mapping/mapping.js";

const secondsOfDay = 86_400;
/**
 * Zone offsets change only on quarter hours (since 1972), so one result of Intl is valid for all instants of
 * a quarter.
 */
const quarterSeconds = 900;

/** Writes the part of `count` values from `start` into `out`. */
export type ReadPart = (start: number, count: number, out: Float64Array) => void;

/**
 * @param timezone IANA zone, or an offset such as `-03:00`. Applies only to timestamps: dates and times of
 * day have no zone.
 */
export function readPart(data: Data, part: TimePart, timezone: string): ReadPart {
  const readSeconds = secondsReader(data);
  const offsetAt = DataType.isTimestamp(data.type) && timezone !== "UTC" ? offsetsOf(timezone) : null;
  const field = fields[part];
  return (start, count, out) => {
    readSeconds(start, count, out);
    for (let index = 0; index < count; index++) {
      const seconds = out[index] ?? 0;
      out[index] = field(offsetAt === null ? seconds : seconds + offsetAt(seconds));
    }
  };
}

/** Returns whole seconds since the epoch (or since midnight), rounded down. */
function secondsReader(data: Data): ReadPart {
  const { values, type } = data;
  if (DataType.isDate(type) && type.unit === DateUnit.DAY)
    return (start, count, out) => {
      for (let index = 0; index < count; index++) out[index] = values[start + index] * secondsOfDay;
    };
  const perSecond = unitsPerSecond(type);
  if (values instanceof BigInt64Array && perSecond === 1e9)
    // Nanoseconds since 1970 exceed 2^53: only integer division is exact just before midnight.
    return (start, count, out) => {
      for (let index = 0; index < count; index++) {
        const nanoseconds = values[start + index] ?? 0n;
        const seconds = nanoseconds / 1_000_000_000n;
        out[index] = Number(
          nanoseconds < 0n && seconds * 1_000_000_000n !== nanoseconds ? seconds - 1n : seconds,
        );
      }
    };
  return (start, count, out) => {
    for (let index = 0; index < count; index++)
      out[index] = Math.floor(Number(values[start + index]) / perSecond);
  };
}

function unitsPerSecond(type: DataType): number {
  if (DataType.isDate(type)) return 1000;
  if (DataType.isTimestamp(type) || DataType.isTime(type)) return 1000 ** type.unit;
  throw new BugError("bug.bind", `${String(type)} has no calendar fields`);
}

const fields: { readonly [part in TimePart]: (seconds: number) => number } = {
  second: (seconds) => modulo(seconds, 60),
  minute: (seconds) => Math.floor(modulo(seconds, 3600) / 60),
  hour: (seconds) => Math.floor(modulo(seconds, secondsOfDay) / 3600),
  // 1970-01-01 was a Thursday, and Monday is 0.
  dow: (seconds) => modulo(dayOf(seconds) + 3, 7),
  day: (seconds) => civil(dayOf(seconds)).day,
  month: (seconds) => civil(dayOf(seconds)).month,
  quarter: (seconds) => Math.floor((civil(dayOf(seconds)).month + 2) / 3),
  year: (seconds) => civil(dayOf(seconds)).year,
  doy: (seconds) => {
    const day = dayOf(seconds);
    return day - daysBeforeYear(civil(day).year) + 1;
  },
  week: (seconds) => {
    // ISO 8601: a week belongs to the year of its Thursday.
    const day = dayOf(seconds);
    const thursday = day - modulo(day + 3, 7) + 3;
    return Math.floor((thursday - daysBeforeYear(civil(thursday).year)) / 7) + 1;
  },
};

function dayOf(seconds: number): number {
  return Math.floor(seconds / secondsOfDay);
}

function modulo(value: number, divisor: number): number {
  return value - Math.floor(value / divisor) * divisor;
}

/**
 * Converts days since the epoch to the Gregorian calendar: Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms".
 */
function civil(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}

function daysBeforeYear(year: number): number {
  const before = year - 1;
  return (
    before * 365 + Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) - 719_162
  );
}

/** Parses `-03:00`, which Arrow writes for zones without rules; `null` for other texts. */
export function offsetSeconds(timezone: string): number | null {
  const [, sign, hours = "", minutes = ""] = /^([+-])(\d{2}):?([0-5]\d)$/.exec(timezone) ?? [];
  return sign === undefined ? null : (sign === "-" ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
}

function offsetsOf(timezone: string): (seconds: number) => number {
  const offset = offsetSeconds(timezone);
  return offset === null ? zoneOffsets(timezone) : () => offset;
}

/** Returns the seconds to add to UTC for local time in the zone; calls Intl once for each quarter hour. */
function zoneOffsets(timezone: string): (seconds: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    era: "short",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const known = new Map<number, number>();
  let lastQuarter = Number.NaN;
  let lastOffset = 0;
  return (seconds) => {
    const quarter = Math.floor(seconds / quarterSeconds);
    if (quarter === lastQuarter) return lastOffset;
    const offset = known.get(quarter) ?? offsetOf(format, quarter * quarterSeconds);
    known.set(quarter, offset);
    lastQuarter = quarter;
    lastOffset = offset;
    return offset;
  };
}

function offsetOf(format: Intl.DateTimeFormat, seconds: number): number {
  // Intl supports years up to 275760; no zone has rules beyond them.
  if (Math.abs(seconds) > 8.64e12) return 0;
  const parts = Object.fromEntries(
    format.formatToParts(seconds * 1000).map(({ type, value }) => [type, value]),
  );
  const year = parts.era === "BC" ? 1 - Number(parts.year) : Number(parts.year);
  const local = new Date(0);
  local.setUTCFullYear(year, Number(parts.month) - 1, Number(parts.day));
  local.setUTCHours(Number(parts.hour), Number(parts.minute), Number(parts.second));
  return local.getTime() / 1000 - seconds;
}
