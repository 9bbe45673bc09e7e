/** What accepted partitions add up to: one flat object of numbers, so that the database can add. */
import { type AttemptStats, noRows, noStats, type Receipt, type RowCounts } from "../../job/partition.js";

/** `rows.read`, `reason.<code>`, `seconds.predict`, `bytes.read`. */
export interface Sums {
  readonly [name: string]: number;
}

export function sumsOf({ rows, reasons, stats }: Pick<Receipt, "rows" | "reasons" | "stats">): Sums {
  return {
    ...prefixed("rows.", rows),
    ...prefixed("reason.", reasons),
    ...prefixed("seconds.", stats.seconds),
    "bytes.read": stats.bytesRead,
    "bytes.written": stats.bytesWritten,
    ...(stats.nanRows === undefined ? {} : { "nan.rows": stats.nanRows }),
    ...(stats.contradictions === undefined ? {} : { contradictions: stats.contradictions }),
  };
}

/** SQL that adds two of them, name by name; decimal, so that nothing is lost however many there are. */
export function addedSql(a: string, b: string): string {
  return `(select coalesce(jsonb_object_agg(key, value), '{}') from (
    select key, sum(value::text::numeric) as value
    from (select * from jsonb_each(${a}) union all select * from jsonb_each(${b})) each group by key) added)`;
}

export function rowsOf(sums: Sums): RowCounts {
  return { ...noRows, ...below("rows.", sums) };
}

export function reasonsOf(sums: Sums): Receipt["reasons"] {
  return below("reason.", sums);
}

export function statsOf(sums: Sums): AttemptStats {
  const { contradictions = 0 } = sums;
  return {
    seconds: { ...noStats.seconds, ...below("seconds.", sums) },
    bytesRead: sums["bytes.read"] ?? 0,
    bytesWritten: sums["bytes.written"] ?? 0,
    ...(sums["nan.rows"] === undefined ? {} : { nanRows: sums["nan.rows"] }),
    ...(contradictions === 0 ? {} : { contradictions }),
  };
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
