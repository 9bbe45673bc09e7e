/** The policy for rows that fail. Budgets apply to the whole run; the coordinator checks them at its end. */
import { DataError } from "../errors.js";
import type { RowPolicy } from "../job/job.js";
import type { PlanTotals } from "../job/partition.js";
import { count } from "../text/human.js";
import type { Failure, Reason } from "./row-failures.js";

export interface RowFailure extends Failure {
  /** Place in its chunk. */
  readonly row: number;
}

export interface JudgedRows {
  /** Removed from the output and quarantined. */
  readonly quarantined: readonly RowFailure[];
  /** Kept, with null predictions. */
  readonly nulled: readonly RowFailure[];
}

/**
 * Nulls under `nulls: reject` have a reason of their own: the job wants those rows quarantined, so they do
 * not count as errors.
 */
const rejected: Reason = "null_rejected";

/** Applies the policy. Under `fail`, only rejected rows may remain: see {@link refuseFailure}. */
export function judge(failures: readonly RowFailure[], policy: RowPolicy): JudgedRows {
  if (policy.onRowError !== "emit_null") return { quarantined: failures, nulled: [] };
  return {
    quarantined: failures.filter(({ reason }) => reason === rejected),
    nulled: failures.filter(({ reason }) => reason !== rejected),
  };
}

export interface RowPlace {
  readonly file: string;
  /** Zero-based number of the row in its file. */
  readonly row: number;
  /** Names of the key columns, without values. */
  readonly key: readonly string[];
}

const setAside =
  "To set rows like this aside: `on_row_error: quarantine` under limits (score: --on-row-error quarantine)";

/** @throws DataError `data.row-failed` for a row that fails under `on_row_error: fail` */
export function refuseFailure(failure: Failure, policy: RowPolicy, { file, row, key }: RowPlace): void {
  if (policy.onRowError !== "fail" || failure.reason === rejected) return;
  const look = key.length === 0 ? "" : ` (key column${key.length === 1 ? "" : "s"}: ${key.join(", ")})`;
  throw new DataError(
    "data.row-failed",
    `${file}, row ${row}${look}: ${failure.message} [${failure.reason}]`,
    {
      hint: [...(failure.fix === undefined ? [] : [failure.fix()]), setAside].join(". "),
      details: { file, row, reason: failure.reason, key: [...key] },
    },
  );
}

/** Counts the failed rows of a receipt: all reasons except rows that the job itself rejects. */
export function countErrorRows(reasons: { readonly [code: string]: number }): number {
  return Object.entries(reasons).reduce((sum, [code, rows]) => (code === rejected ? sum : sum + rows), 0);
}

/**
 * Returns the number of rows of the whole run; `null` if there is only an estimate, which must not fail a
 * run.
 */
export function knownRows({
  rows,
  rowsEstimated,
}: Pick<PlanTotals, "rows" | "rowsEstimated">): number | null {
  return rowsEstimated === true ? null : rows;
}

/**
 * Whether more rows failed than the job allows, of `totalRows` in the whole run. If that number is unknown,
 * an allowed fraction of zero is exceeded by any failed row, and other fractions are not checked.
 */
export function exceedsBudget(policy: RowPolicy, errorRows: number, totalRows: number | null): boolean {
  const { maxErrorRows, maxErrorFraction } = policy;
  if (maxErrorRows !== null && errorRows > maxErrorRows) return true;
  if (maxErrorFraction === null) return false;
  if (totalRows === null) return maxErrorFraction === 0 && errorRows > 0;
  return totalRows > 0 && errorRows / totalRows > maxErrorFraction;
}

/** Formats the job's limits as the job writes them. */
export function describeBudget({ maxErrorRows, maxErrorFraction }: RowPolicy): string {
  return [
    ...(maxErrorRows === null ? [] : [`max_error_rows ${maxErrorRows}`]),
    ...(maxErrorFraction === null ? [] : [`max_error_fraction ${maxErrorFraction}`]),
  ].join(" or ");
}

/** Rows by reason code, of one chunk or of many receipts. */
export type Reasons = { readonly [code: string]: number };

export function sumReasons(parts: readonly Reasons[]): Reasons {
  const sum: Record<string, number> = {};
  for (const reasons of parts)
    for (const [code, rows] of Object.entries(reasons)) sum[code] = (sum[code] ?? 0) + rows;
  return sum;
}

/**
 * @throws DataError `data.too-many-errors` if the failed rows of the run so far exceed the budget of the
 * whole run
 */
export function refuseOverspent(policy: RowPolicy, reasons: Reasons, totalRows: number | null): void {
  const errorRows = countErrorRows(reasons);
  if (exceedsBudget(policy, errorRows, totalRows)) throw tooManyErrors(policy, errorRows, reasons, totalRows);
}

/**
 * The error that ends a run, or a partition that exceeds the whole run's budget by itself. It describes the
 * row errors, because those of a partition that was not accepted are not stored.
 */
function tooManyErrors(
  policy: RowPolicy,
  errorRows: number,
  reasons: Reasons,
  totalRows: number | null,
): DataError {
  const why = Object.entries(reasons)
    .filter(([code]) => code !== rejected)
    .sort(([, a], [, b]) => b - a)
    .map(([code, rows]) => `${count(rows)} ${code}`);
  const of = totalRows === null ? "" : ` of ${count(totalRows)}`;
  return new DataError(
    "data.too-many-errors",
    `${count(errorRows)}${of} rows failed (${why.join(", ")}), more than ${describeBudget(policy)} allows`,
    {
      hint: "correct the data or, if this number is acceptable, raise the limit: then `nightshift errors` shows the rows",
      details: { errorRows, totalRows },
    },
  );
}
