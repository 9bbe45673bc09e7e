/**
 * Cron expressions of five fields, and their instants in a time zone. At clock changes:
 *
 * | the clock | a fixed hour (`2`, `1-5`) | every hour (`*`, or `*` with a step) |
 * | --- | --- | --- |
 * | jumps over the time | once, as much later as the clock jumped: 02:30 at 03:30 | the same |
 * | shows the time twice | once, the first time | both times |
 *
 * Two times that fall on the same instant are one tick.
 */
import { dayMs, modulo, offsetMsAt, type WallMs, wallMsAt } from "./zone-clock.js";

export interface Cron {
  /** Milliseconds after midnight, ascending. */
  readonly times: readonly number[];
  readonly everyHour: boolean;
  readonly daysOfMonth: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>;
  /** True if both day fields are restricted: then one of them has to match. Otherwise both must match. */
  readonly eitherDay: boolean;
}

export type ParsedCron =
  | { readonly kind: "cron"; readonly cron: Cron }
  | { readonly kind: "mistake"; readonly message: string };

interface Field {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly names?: readonly string[];
}

const fields: readonly Field[] = [
  { name: "minute", least: 0, most: 59 },
  { name: "hour", least: 0, most: 23 },
  { name: "day of the month", least: 1, most: 31 },
  {
    name: "month",
    least: 1,
    most: 12,
    names: ["", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  {
    name: "day of the week",
    least: 0,
    most: 7,
    names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
  },
];

/** Minute, hour, day of the month, month, day of the week: `*`, lists, ranges, steps, names of months and weekdays. */
export function parseCron(text: string): ParsedCron {
  const written = text.trim().split(/\s+/);
  if (written.length !== fields.length) {
    const given = text.trim() === "" ? 0 : written.length;
    return {
      kind: "mistake",
      message: `it has ${given} fields, not five: minute, hour, day, month, weekday`,
    };
  }
  const values: ReadonlySet<number>[] = [];
  for (const [index, field] of fields.entries()) {
    const parsed = parseField(written[index] ?? "", field);
    if (typeof parsed === "string") return { kind: "mistake", message: parsed };
    values.push(parsed);
  }
  const [minutes = none, hours = none, daysOfMonth = none, months = none, days = none] = values;
  const isStar = (index: number): boolean => written[index]?.startsWith("*") === true;
  const cron: Cron = {
    times: [...hours]
      .flatMap((hour) => [...minutes].map((minute) => (hour * 60 + minute) * 60_000))
      .sort((a, b) => a - b),
    everyHour: isStar(1),
    daysOfMonth,
    months,
    weekdays: new Set([...days].map((day) => day % 7)),
    eitherDay: !isStar(2) && !isStar(4),
  };
  // 2000 was a leap year; within 40 years of its first day, every date has fallen on every weekday.
  const isPossible =
    cron.eitherDay || [...months].some((month) => Math.min(...daysOfMonth) <= longest(month));
  if (!isPossible) return { kind: "mistake", message: "there is no such day in the months it names" };
  return { kind: "cron", cron };
}

/** Returns the first instant after `after`, or `null` if there is none within 30 years. */
export function nextInstant(cron: Cron, timezone: string, after: Date): Date | null {
  const until = new Date(after.getTime() + 30 * 366 * dayMs);
  for (const instant of instantsBetween(cron, timezone, after, until)) return instant;
  return null;
}

/** Yields the instants after `after`, up to and including `until`, in order. */
export function* instantsBetween(
  cron: Cron,
  timezone: string,
  after: Date,
  until: Date,
): Generator<Date, undefined> {
  if (until <= after) return;
  let last = after.getTime();
  // Starts a day early and ends a day late, because a zone may skip a whole day.
  const first = midnight(wallMsAt(last, timezone)) - dayMs;
  const end = midnight(wallMsAt(until.getTime(), timezone)) + dayMs;
  for (let day = first; day <= end; day += dayMs) {
    if (!isDayOf(cron, day)) continue;
    for (const instant of instantsOfDay(cron, timezone, day)) {
      if (instant <= last) continue;
      if (instant > until.getTime()) return;
      last = instant;
      yield new Date(instant);
    }
  }
}

const none: ReadonlySet<number> = new Set();

/** @returns the values, or an error message */
function parseField(text: string, field: Field): ReadonlySet<number> | string {
  const values = new Set<number>();
  for (const item of text.split(",")) {
    const match = /^(\*|([A-Za-z0-9]+)(?:-([A-Za-z0-9]+))?)(?:\/(\d+))?$/.exec(item);
    if (match === null) return `\`${item}\` is not a valid ${field.name}`;
    const [, range, from, to, step] = match;
    const least = range === "*" ? field.least : valueIn(from ?? "", field);
    const most =
      range === "*"
        ? Math.min(field.most, field.name === "day of the week" ? 6 : field.most)
        : to !== undefined
          ? valueIn(to, field)
          : step === undefined
            ? least
            : field.most;
    if (least === null || most === null || least > most)
      return `\`${item}\` is not a valid ${field.name}: the range is ${field.least} to ${field.most}`;
    const stride = step === undefined ? 1 : Number(step);
    if (stride < 1) return `the step of \`${item}\` is 0`;
    for (let value = least; value <= most; value += stride) values.add(value);
  }
  return values;
}

function valueIn(text: string, { least, most, names = [] }: Field): number | null {
  const value = /^\d{1,2}$/.test(text) ? Number(text) : names.indexOf(text.toLowerCase());
  return value >= least && value <= most ? value : null;
}

function longest(month: number): number {
  return new Date(Date.UTC(2000, month, 0)).getUTCDate();
}

function isDayOf(cron: Cron, day: WallMs): boolean {
  const date = new Date(day);
  if (!cron.months.has(date.getUTCMonth() + 1)) return false;
  const [byDate, byWeekday] = [cron.daysOfMonth.has(date.getUTCDate()), cron.weekdays.has(date.getUTCDay())];
  return cron.eitherDay ? byDate || byWeekday : byDate && byWeekday;
}

function instantsOfDay(cron: Cron, timezone: string, day: WallMs): readonly number[] {
  // Offsets are within 14 hours: if they agree this far around the day, the clock does not change on it.
  const [before, after] = [
    offsetMsAt(day - 26 * 3_600_000, timezone),
    offsetMsAt(day + 50 * 3_600_000, timezone),
  ];
  if (before === after) return cron.times.map((time) => day + time - before);
  const instants = cron.times.flatMap((time) => instantsShowing(day + time, timezone, cron.everyHour));
  return instants.sort((a, b) => a - b);
}

function instantsShowing(wall: WallMs, timezone: string, both: boolean): readonly number[] {
  const before = offsetMsAt(wall - 26 * 3_600_000, timezone);
  const after = offsetMsAt(wall + 26 * 3_600_000, timezone);
  const showing = [...new Set([wall - before, wall - after])]
    .filter((instant) => wallMsAt(instant, timezone) === wall)
    .sort((a, b) => a - b);
  const [first] = showing;
  // The clock jumped over this time: the tick comes as long after the jump as the time is after the start of
  // the gap.
  if (first === undefined) return [wall - before];
  return both ? showing : [first];
}

function midnight(wall: WallMs): WallMs {
  return wall - modulo(wall, dayMs);
}
