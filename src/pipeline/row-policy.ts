/** What becomes of rows that fail. The budgets are the whole run's; the coordinator judges them at its end. */
import { DataError } from "../errors.js";
import type { RowPolicy } from "../job.js";
import type { PlanTotals } from "../partition.js";
import type { Failure, Reason } from "./row-failures.js";

export interface RowFailure extends Failure {
  /** Place in its chunk. */
  readonly row: number;
}

export interface JudgedRows {
  /** Leave the output and go to quarantine. */
  readonly quarantined: readonly RowFailure[];
  /** Stay, with nulls for predictions. */
  readonly nulled: readonly RowFailure[];
}

/** Nulls under `nulls: reject` are told apart: the job wants those rows quarantined, so they spend no error budget. */
const rejected: Reason = "null_rejected";

/** Under `fail`, nothing may be left to judge but rejected rows: see {@link refuseFailure}. */
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
  /** Names of the key columns; their values stay where they are. */
  readonly key: readonly string[];
}

/** @throws DataError `data.row-failed` for a row that fails under `on_row_error: fail` */
export function refuseFailure(failure: Failure, policy: RowPolicy, { file, row, key }: RowPlace): void {
  if (policy.onRowError !== "fail" || failure.reason === rejected) return;
  const look = key.length === 0 ? "" : ` (its key is in ${key.join(", ")})`;
  throw new DataError(
    "data.row-failed",
    `${file}, row ${row}${look}: ${failure.message} [${failure.reason}]`,
    {
      hint: "set rows like this aside with `on_row_error: quarantine` (score: --on-row-error quarantine), or see `nulls:` and `cast:`",
      details: { file, row, reason: failure.reason, key: [...key] },
    },
  );
}

/** Rows that failed, by a receipt's counts: all reasons but the rows that the job itself rejects. */
export function countErrorRows(reasons: { readonly [code: string]: number }): number {
  return Object.entries(reasons).reduce((sum, [code, rows]) => (code === rejected ? sum : sum + rows), 0);
}

/** Rows of the whole run; `null` while there is only an estimate, which no run may fail by. */
export function knownRows({ rows, rowsEstimated }: PlanTotals): number | null {
  return rowsEstimated === true ? null : rows;
}

/**
 * Whether more rows failed than the job allows, of `totalRows` in the whole run. Where nobody knows that number yet, a
 * share that allows none is exceeded by any, and no other share is.
 */
export function exceedsBudget(policy: RowPolicy, errorRows: number, totalRows: number | null): boolean {
  const { maxErrorRows, maxErrorFraction } = policy;
  if (maxErrorRows !== null && errorRows > maxErrorRows) return true;
  if (maxErrorFraction === null) return false;
  if (totalRows === null) return maxErrorFraction === 0 && errorRows > 0;
  return totalRows > 0 && errorRows / totalRows > maxErrorFraction;
}

/** @throws DataError `data.too-many-errors` when so many failed rows, of the run so far, overspend the budget of the whole */
export function refuseOverspent(policy: RowPolicy, errorRows: number, totalRows: number | null): void {
  if (exceedsBudget(policy, errorRows, totalRows)) throw tooManyErrors(policy, errorRows, totalRows);
}

/** The error that ends a run, or a partition that has spent the whole run's budget by itself. */
export function tooManyErrors(policy: RowPolicy, errorRows: number, totalRows: number | null): DataError {
  const limits = [
    ...(policy.maxErrorRows === null ? [] : [`max_error_rows ${policy.maxErrorRows}`]),
    ...(policy.maxErrorFraction === null ? [] : [`max_error_fraction ${policy.maxErrorFraction}`]),
  ];
  return new DataError(
    "data.too-many-errors",
    `${errorRows}${totalRows === null ? "" : ` of ${totalRows}`} rows failed, more than ${limits.join(" or ")} allows`,
    {
      hint: "`nightshift errors` groups them by reason; raise the limit if that is fine",
      details: { errorRows, totalRows },
    },
  );
}
