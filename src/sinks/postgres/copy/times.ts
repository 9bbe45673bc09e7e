/** Dates and times of Arrow, as PostgreSQL counts them: from the year 2000, in microseconds. */
import { DateUnit, type Time, type Timestamp, TimeUnit } from "apache-arrow";

const daysTo2000 = 10_957;
const microsTo2000 = 946_684_800_000_000n;

export function daysSince2000(value: number | bigint, unit: DateUnit): number {
  const days = unit === DateUnit.DAY ? Number(value) : Math.floor(Number(value) / 86_400_000);
  return days - daysTo2000;
}

/** Rounded to the nearest microsecond. Rows that are not to be rounded are refused before: see `unfit-rows.ts`. */
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

/** Up from the middle. Division of BigInt cuts off towards zero, so a remainder below zero is moved up first. */
function roundedThousandth(ticks: bigint): bigint {
  const rest = ((ticks % 1000n) + 1000n) % 1000n;
  return (ticks - rest) / 1000n + (rest >= 500n ? 1n : 0n);
}

/** As JSON has it: in ISO 8601, `Z` where the type has a zone; years before Christ as PostgreSQL has them. */
export function instantText(ticks: bigint, { unit, timezone }: Timestamp): string {
  const digits = [0, 3, 6, 9][unit] ?? 0;
  const perDay = 86_400n * 10n ** BigInt(digits);
  const ofDay = ((ticks % perDay) + perDay) % perDay;
  const { date, era } = calendar(Number((ticks - ofDay) / perDay));
  return `${date}T${timeText(ofDay, unit)}${timezone ? "Z" : ""}${era}`;
}

/** Of a day. */
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
 * A JavaScript date ends in the year 275760, PostgreSQL's in 5874897: of a cycle of the calendar each day has the same name.
 * @param days since 1970
 */
function calendar(days: number): { readonly date: string; readonly era: "" | " BC" } {
  const cycles = Math.floor(days / daysOf400Years);
  const inCycle = new Date((days - cycles * daysOf400Years) * 86_400_000).toISOString();
  const year = Number(inCycle.slice(0, 4)) + cycles * 400;
  const number = String(year > 0 ? year : 1 - year).padStart(4, "0");
  return { date: number + inCycle.slice(4, 10), era: year > 0 ? "" : " BC" };
}
