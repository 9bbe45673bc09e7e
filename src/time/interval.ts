/**
 * Data intervals: the timeline of a zone, divided into hours, days, weeks or months without gap or overlap,
 * so that every instant belongs to exactly one. Days, weeks and months begin when the zone's calendar reaches
 * them: a day may last 23 or 25 hours, and a day that the zone skips has no interval. Hours always last an
 * hour, also when the clock repeats one.
 */
import { SpecError } from "../errors.js";
import type { Interval } from "../job/job.js";
import {
  dayMs,
  firstInstantAt,
  hourMs,
  modulo,
  offsetMsAt,
  transitionBetween,
  type WallMs,
  wallMsAt,
} from "./zone-clock.js";

export type Every = "hour" | "day" | "week" | "month";

export interface IntervalRule {
  readonly every: Every;
  /** IANA time zone name. */
  readonly timezone: string;
  /**
   * Calendar date on which the first interval begins. Weeks begin on its weekday and months on its day of the month.
   * `null`: no first interval, weeks begin on Monday, months on the 1st.
   */
  readonly start: string | null;
}

/** Returns the interval that contains an instant. @throws SpecError `usage.before-start` */
export function intervalAt(instant: Date, rule: IntervalRule): Interval {
  const interval = rule.every === "hour" ? hourAt(instant, rule) : calendarIntervalAt(instant, rule);
  const start = firstStart(rule);
  if (start !== null && instant < start)
    throw new SpecError(
      "usage.before-start",
      `${formatUtc(instant)} is before the first interval, which starts on ${rule.start} (${rule.timezone})`,
      { hint: "choose a later --at, or an earlier `intervals.start`" },
    );
  return interval;
}

/**
 * Returns the display name of an interval: its `ds`, or its start for an hour, since the hours of a day share
 * one `ds`.
 */
export function intervalLabel({ ds, start, end }: Interval): string {
  const isHour = Date.parse(end) - Date.parse(start) <= hourMs;
  return start.endsWith("T00:00:00Z") || !isHour ? ds : `${start.slice(0, 16)}Z`;
}

export function nextInterval(interval: Interval, rule: IntervalRule): Interval {
  return intervalAt(new Date(interval.end), rule);
}

/**
 * Yields the intervals from the one that contains `from` to the one that contains `to`, both included, oldest
 * first.
 */
export function* intervalsThrough(from: Date, to: Date, rule: IntervalRule): Generator<Interval> {
  for (let interval = intervalAt(from, rule); ; interval = nextInterval(interval, rule)) {
    if (new Date(interval.start) > to) return;
    yield interval;
  }
}

/** Returns the last interval that has ended at `now`, or `null` if the first one has not ended. */
export function latestCompleteInterval(now: Date, rule: IntervalRule): Interval | null {
  const start = firstStart(rule);
  if (start !== null && now < start) return null;
  const current = new Date(intervalAt(now, rule).start);
  if (start !== null && current <= start) return null;
  return intervalAt(new Date(current.getTime() - 1), rule);
}

const dateSyntax = /^(\d{4})-(\d\d)-(\d\d)$/;
const timeSyntax = /^(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?$/;

/**
 * Parses `--at`: a calendar date (its beginning in the zone), an instant with `Z` or an offset, or a time on
 * the zone's clock.
 * @throws SpecError `usage.bad-time`
 */
export function parseInstant(text: string, timezone: string): Date {
  const instant = dateSyntax.test(text) ? startOfDate(text, timezone) : parseTime(text, timezone);
  if (instant !== null) return instant;
  throw new SpecError("usage.bad-time", `\`${text}\` is not a date or time in ${timezone}`, {
    hint: "write 2026-01-15, 2026-01-15T06:00 or 2026-01-15T06:00:00Z",
  });
}

function parseTime(text: string, timezone: string): Date | null {
  const match = timeSyntax.exec(text);
  if (match === null) return null;
  const [, date = "", hour = "", minute = "", second = "00", fraction = "", offset] = match;
  const millis = fraction.slice(0, 3).padEnd(3, "0");
  const wall = new Date(`${date}T${hour}:${minute}:${second}.${millis}Z`);
  if (parseDate(date) === null || Number.isNaN(wall.getTime())) return null;
  if (offset === undefined) return firstInstantAt(wall.getTime(), timezone);
  if (offset === "Z") return wall;
  const [hours, minutes] = [Number(offset.slice(1, 3)), Number(offset.slice(-2))];
  const offsetMs = (hours * 60 + minutes) * 60_000 * (offset.startsWith("-") ? -1 : 1);
  return hours > 23 || minutes > 59 ? null : new Date(wall.getTime() - offsetMs);
}

/** Reports whether `date` (`2026-01-15`) is a calendar date. */
export function isCalendarDate(date: string): boolean {
  return parseDate(date) !== null;
}

/**
 * Formats an instant on the zone's clock with its offset: `2026-01-15T00:00:00-03:00`, or `Z` if the offset
 * is 0.
 */
export function formatInZone(instant: Date, timezone: string): string {
  const offset = offsetMsAt(instant.getTime(), timezone);
  const local = formatUtc(new Date(instant.getTime() + offset)).slice(0, -1);
  if (offset === 0) return `${local}Z`;
  const minutes = Math.round(Math.abs(offset) / 60_000);
  const sign = offset < 0 ? "-" : "+";
  return `${local}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

function hourAt(instant: Date, rule: IntervalRule): Interval {
  const at = instant.getTime();
  const offset = offsetMsAt(at, rule.timezone);
  const floor = at - modulo(at + offset, hourMs);
  const phase = (ms: number): number => modulo(offsetMsAt(ms, rule.timezone), hourMs);
  // If a zone moves its clock by a part of an hour, the interval is cut at the change.
  const start = phase(floor) === phase(at) ? floor : transitionBetween(floor, at, phase);
  const end =
    phase(floor + hourMs) === phase(at) ? floor + hourMs : transitionBetween(at, floor + hourMs, phase);
  return makeInterval(start, end, localDate(start, rule.timezone));
}

function calendarIntervalAt(instant: Date, rule: IntervalRule): Interval {
  const startOf = (wall: WallMs): number => firstInstantAt(wall, rule.timezone).getTime();
  let wall = periodStart(wallMsAt(instant.getTime(), rule.timezone), rule);
  let next = periodAfter(wall, rule);
  // Rarely entered: if the clock went back over midnight, the calendar shows the earlier day again.
  while (startOf(next) <= instant.getTime()) {
    wall = next;
    next = periodAfter(wall, rule);
  }
  return makeInterval(startOf(wall), startOf(next), formatDate(wall));
}

function makeInterval(startMs: number, endMs: number, ds: string): Interval {
  return { start: formatUtc(new Date(startMs)), end: formatUtc(new Date(endMs)), ds };
}

function firstStart(rule: IntervalRule): Date | null {
  if (rule.start === null) return null;
  const wall = parseDate(rule.start);
  if (wall === null) throw new SpecError("spec.bad-date", `\`${rule.start}\` is not a date`);
  return firstInstantAt(wall, rule.timezone);
}

function periodStart(wall: WallMs, rule: IntervalRule): WallMs {
  const day = wall - modulo(wall, dayMs);
  const anchor = rule.start === null ? null : parseDate(rule.start);
  if (rule.every === "week") {
    const monday = Date.UTC(1970, 0, 5);
    return day - modulo(day - (anchor ?? monday), 7 * dayMs);
  }
  if (rule.every !== "month") return day;
  const date = new Date(day);
  const dayOfMonth = anchor === null ? 1 : new Date(anchor).getUTCDate();
  const months = date.getUTCDate() < dayOfMonth ? -1 : 0;
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, dayOfMonth);
}

function periodAfter(wall: WallMs, rule: IntervalRule): WallMs {
  const date = new Date(wall);
  if (rule.every === "month")
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate());
  return wall + (rule.every === "week" ? 7 * dayMs : dayMs);
}

/**
 * Returns the calendar date of an actual start. It differs from the requested date only if the zone skipped
 * that date.
 */
function startOfDate(date: string, timezone: string): Date | null {
  const wall = parseDate(date);
  if (wall === null) return null;
  const start = firstInstantAt(wall, timezone);
  return localDate(start.getTime(), timezone) === date ? start : null;
}

function parseDate(date: string): WallMs | null {
  const [, year, month, day] = dateSyntax.exec(date) ?? [];
  if (year === undefined || month === undefined || day === undefined) return null;
  const wall = Date.UTC(Number(year), Number(month) - 1, Number(day));
  return formatDate(wall) === date ? wall : null;
}

function localDate(ms: number, timezone: string): string {
  return formatDate(wallMsAt(ms, timezone));
}

function formatDate(wall: WallMs): string {
  return new Date(wall).toISOString().slice(0, 10);
}

function formatUtc(instant: Date): string {
  return instant.toISOString().replace(".000Z", "Z");
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
