/**
 * Statistics of attempts as flat maps of numbers that add up. A ledger adds the maps of accepted receipts name by name and
 * knows no name, so a new statistic needs no change in a ledger.
 *
 * Names are stored: `rows.read`, `reason.<code>`, `seconds.predict`, `bytes.read`. A name never gets another meaning; a
 * statistic that is computed in another way gets another name.
 */
import { type AttemptStats, noRows, noStats, type Receipt, type RowCounts } from "./partition.js";

export interface Sums {
  readonly [name: string]: number;
}

/** Stored names of statistics whose key in {@link AttemptStats} is another. */
const storedNames: { readonly [key: string]: string } = {
  bytesRead: "bytes.read",
  bytesWritten: "bytes.written",
  nanRows: "nan.rows",
};
const keysOfNames = new Map(Object.entries(storedNames).map(([key, name]) => [name, key]));

/** A statistic of a thread and not of its rows: sums over attempts mean nothing. */
const perThread = "modelLoadSeconds";

export function sumsOf({ rows, reasons, stats }: Pick<Receipt, "rows" | "reasons" | "stats">): Sums {
  const sums: Record<string, number> = { ...prefixed("rows.", rows), ...prefixed("reason.", reasons) };
  for (const [key, value] of Object.entries(stats)) {
    if (key === perThread) continue;
    if (typeof value === "object") Object.assign(sums, prefixed(`${key}.`, value));
    else sums[storedNames[key] ?? key] = value;
  }
  return sums;
}

export function addSums(a: Sums, b: Sums): Sums {
  const sum: Record<string, number> = { ...a };
  for (const [name, value] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}

export function rowsOf(sums: Sums): RowCounts {
  return { ...noRows, ...below("rows.", sums) };
}

export function reasonsOf(sums: Sums): Receipt["reasons"] {
  return below("reason.", sums);
}

export function statsOf(sums: Sums): AttemptStats {
  const stats: Record<string, number | Record<string, number>> = {
    ...noStats,
    seconds: { ...noStats.seconds },
  };
  for (const [name, value] of Object.entries(sums)) {
    if (name.startsWith("rows.") || name.startsWith("reason.")) continue;
    const [group = "", member] = keysOfNames.has(name) ? [] : name.split(/\.(.*)/s);
    if (member === undefined) stats[keysOfNames.get(name) ?? name] = value;
    else stats[group] = { ...(stats[group] as Record<string, number> | undefined), [member]: value };
  }
  // Every name was made by `sumsOf` from an AttemptStats of this or another version.
  return stats as unknown as AttemptStats;
}

function prefixed(prefix: string, numbers: object): Sums {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [prefix + name, value]));
}

function below(prefix: string, sums: Sums): Sums {
  return Object.fromEntries(
    Object.entries(sums).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
    ),
  );
}
