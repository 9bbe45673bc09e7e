/** Formats numbers for progress output, tables and messages. */

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** `1234567` -> `1,234,567`. */
export function count(value: number): string {
  return grouped.format(value);
}

/** `counted(1, "file")` -> `1 file`, `counted(2000, "row")` -> `2,000 rows`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Decimal units, three significant digits: `13.5 MB`. */
export function bytes(value: number): string {
  return `${scaled(value, ["B", "kB", "MB", "GB", "TB"])}`;
}

const units: { readonly [unit: string]: number } = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
};

/**
 * Parses `512MB`, `2GiB`, `1.5gb` or a plain number of bytes; returns `null` for other text and for an amount
 * of 0.
 */
export function parseBytes(text: string): number | null {
  const [, digits = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = units[unit.toLowerCase()];
  return digits === "" || factor === undefined || Number(digits) === 0
    ? null
    : Math.round(Number(digits) * factor);
}

/** `1.2 M rows/s`, `870 rows/s`. */
export function rowRate(rowsPerSecond: number): string {
  return `${scaled(rowsPerSecond, ["", "k", "M", "G"]).trim()} rows/s`;
}

/** `0.42 s`, `12.3 s`, `3m 05s`, `2h 14m`, `9d 04h`. */
export function duration(seconds: number): string {
  if (seconds < 59.95) return `${seconds < 9.995 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${pad(whole % 60)}s`;
  const hours = Math.floor(whole / 3600);
  if (hours < 48) return `${hours}h ${pad(Math.floor((whole % 3600) / 60))}m`;
  return `${count(Math.floor(hours / 24))}d ${pad(hours % 24)}h`;
}

/** Formats the remaining time in whole seconds, so that the display does not flicker: `8s`, `3m 05s`. */
export function timeLeft(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole}s` : duration(whole);
}

/** `0.4567` -> `46%`. It never rounds up to 100%, because unfinished work must not look finished. */
export function percent(fraction: number): string {
  return `${fraction >= 1 ? 100 : Math.floor(fraction * 100)}%`;
}

function scaled(value: number, units: readonly string[]): string {
  let rest = value;
  let unit = 0;
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  const digits = unit === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return `${rest.toFixed(digits)} ${units[unit] ?? ""}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
