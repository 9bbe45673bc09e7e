/** Converts dates and times of Arrow to PostgreSQL's: microseconds since the year 2000. */
import { DateUnit, type Time, type Timestamp, TimeUnit } from "apache-arrow";

const daysTo2000 = 10_957;
const microsTo2000 = 946_684_800_000_000n;

export function daysSince2000(value: number | bigint, unit: DateUnit): number {
  const days = unit === DateUnit.DAY ? Number(value) : Math.floor(Number(value) / 86_400_000);
  return days - daysTo2000;
}

/**
 * Rounds to the nearest microsecond. Rows whose values must not be rounded were rejected before: see
 * `unfit-rows.ts`.
 */
export function microsSince2000(ticks: bigint, { unit }: Timestamp): bigint {
  return microsOf(ticks, unit) - microsTo2000;
}

export function microsOfDay(ticks: bigint, { unit }: Time): bigint {
  return microsOf(ticks, unit);
}

function microsOf(ticks: bigint, unit: TimeUnit): bigint {
  switch (unit) {
    case TimeUnit.SECOND:
      return ticks * 1_000_000n;
    case TimeUnit.MILLISECOND:
      return ticks * 1000n;
    case TimeUnit.MICROSECOND:
      return ticks;
    default:
      return roundedThousandth(ticks);
  }
}

/** Rounds half up. BigInt division truncates towards zero, so a negative remainder is made positive first. */
function roundedThousandth(ticks: bigint): bigint {
  const rest = ((ticks % 1000n) + 1000n) % 1000n;
  return (ticks - rest) / 1000n + (rest >= 500n ? 1n : 0n);
}

/**
 * Formats an instant for JSON: ISO 8601, with `Z` if the type has a zone; years before Christ as PostgreSQL
 * formats them.
 */
export function instantText(ticks: bigint, { unit, timezone }: Timestamp): string {
  const digits = [0, 3, 6, 9][unit] ?? 0;
  const perDay = 86_400n * 10n ** BigInt(digits);
  const ofDay = ((ticks % perDay) + perDay) % perDay;
  const { date, era } = calendar(Number((ticks - ofDay) / perDay));
  return `${date}T${timeText(ofDay, unit)}${timezone ? "Z" : ""}${era}`;
}

/** Formats a time of day. */
export function timeText(ticks: bigint, unit: TimeUnit): string {
  const digits = [0, 3, 6, 9][unit] ?? 0;
  const text = String(ticks).padStart(digits + 1, "0");
  const [seconds, fraction] = digits === 0 ? [text, ""] : [text.slice(0, -digits), text.slice(-digits)];
  const time = new Date(Number(seconds) * 1000).toISOString().slice(11, 19);
  const rest = fraction.replace(/0+$/, "");
  return rest === "" ? time : `${time}.${rest}`;
}

export function dayText(value: number | bigint, unit: DateUnit): string {
  const { date, era } = calendar(daysSince2000(value, unit) + daysTo2000);
  return date + era;
}

const daysOf400Years = 146_097;

/**
 * JavaScript dates end in the year 275760, PostgreSQL's in 5874897. Dates repeat after each cycle of the
 * calendar, so a day of an earlier cycle is used.
 * @param days since 1970
 */
function calendar(days: number): { readonly date: string; readonly era: "" | " BC" } {
  const cycles = Math.floor(days / daysOf400Years);
  const inCycle = new Date((days - cycles * daysOf400Years) * 86_400_000).toISOString();
  const year = Number(inCycle.slice(0, 4)) + cycles * 400;
  const number = String(year > 0 ? year : 1 - year).padStart(4, "0");
  return { date: number + inCycle.slice(4, 10), era: year > 0 ? "" : " BC" };
}
