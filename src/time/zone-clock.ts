/** Clocks of IANA time zones: the local time at an instant, and the instants of a local time. */

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** A point on a wall clock, as milliseconds since 1970-01-01T00:00 on that same clock. */
export type WallMs = number;

/** Reports whether `name` is an IANA time zone that this machine knows. */
export function isTimezone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns the first instant at which the zone's clock shows `wall`, or a later time if it jumps over `wall`.
 */
export function firstInstantAt(wall: WallMs, timezone: string): Date {
  // Offsets are within 14 hours, so these two bracket every transition that matters.
  const before = offsetMsAt(wall - 26 * hourMs, timezone);
  const after = offsetMsAt(wall + 26 * hourMs, timezone);
  for (const offset of [Math.max(before, after), Math.min(before, after)])
    if (offsetMsAt(wall - offset, timezone) === offset) return new Date(wall - offset);
  return new Date(
    transitionBetween(wall - Math.max(before, after), wall - Math.min(before, after), (ms) =>
      offsetMsAt(ms, timezone),
    ),
  );
}

/**
 * Returns the first millisecond in (`lowMs`, `highMs`] that has the value of `highMs`. Requires exactly one
 * change between them.
 */
export function transitionBetween(lowMs: number, highMs: number, valueAt: (ms: number) => number): number {
  let [low, high] = [lowMs, highMs];
  const target = valueAt(highMs);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (valueAt(middle) === target) high = middle;
    else low = middle;
  }
  return high;
}

export function wallMsAt(ms: number, timezone: string): WallMs {
  return ms + offsetMsAt(ms, timezone);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(timezone: string): Intl.DateTimeFormat {
  const known = formatters.get(timezone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formatters.set(timezone, made);
  return made;
}

/** Returns local time minus UTC in milliseconds. */
export function offsetMsAt(ms: number, timezone: string): number {
  // Most jobs use UTC, and Intl is slow.
  if (timezone === "UTC") return 0;
  const fields: { [type: string]: number } = {};
  for (const part of formatterOf(timezone).formatToParts(ms)) fields[part.type] = Number(part.value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields;
  return Date.UTC(year, month - 1, day, hour, minute, second) - (ms - modulo(ms, 1000));
}

export function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
