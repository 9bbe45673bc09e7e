/** Dates and times of Arrow, as PostgreSQL counts them: from the year 2000, in microseconds. */
import { DateUnit, type Time, type Timestamp, TimeUnit } from "apache-arrow";

const daysTo2000 = 10_957;
const microsTo2000 = 946_684_800_000_000n;

export function daysSince2000(value: number | bigint, unit: DateUnit): number {
  const days = unit === DateUnit.DAY ? Number(value) : Math.floor(Number(value) / 86_400_000);
  return days - daysTo2000;
}

/** `null` where a fraction of a microsecond would be lost. */
export function microsSince2000(ticks: bigint, { unit }: Timestamp): bigint | null {
  const micros = microsOf(ticks, unit);
  return micros === null ? null : micros - microsTo2000;
}

export function microsOfDay(ticks: bigint, { unit }: Time): bigint | null {
  return microsOf(ticks, unit);
}

function microsOf(ticks: bigint, unit: TimeUnit): bigint | null {
  switch (unit) {
    case TimeUnit.SECOND:
      return ticks * 1_000_000n;
    case TimeUnit.MILLISECOND:
      return ticks * 1000n;
    case TimeUnit.MICROSECOND:
      return ticks;
    default:
      return ticks % 1000n === 0n ? ticks / 1000n : null;
  }
}

/** As JSON has it: in ISO 8601, `Z` where the type has a zone. */
export function instantText(ticks: bigint, { unit, timezone }: Timestamp): string {
  const digits = [0, 3, 6, 9][unit] ?? 0;
  const perSecond = 10n ** BigInt(digits);
  const fraction = ((ticks % perSecond) + perSecond) % perSecond;
  const seconds = Number((ticks - fraction) / perSecond);
  const text = new Date(seconds * 1000).toISOString().slice(0, -5);
  const rest = fraction === 0n ? "" : `.${String(fraction).padStart(digits, "0").replace(/0+$/, "")}`;
  return `${text}${rest}${timezone ? "Z" : ""}`;
}

export function dayText(value: number | bigint, unit: DateUnit): string {
  return new Date((daysSince2000(value, unit) + daysTo2000) * 86_400_000).toISOString().slice(0, 10);
}
