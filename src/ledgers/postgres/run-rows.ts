/** Converts rows of the ledger's tables. */

import type { ErrorRecord } from "../../errors.js";
import type { PartitionState, PlanTotals, Receipt } from "../../job/partition.js";
import type { Owner, Run, RunState, RunStatus } from "../../job/run.js";
import { reasonsOf, rowsOf, type Sums, statsOf } from "../../job/statistics.js";

/** Formats a point in time as ISO 8601 in UTC, independent of the session's time zone. */
export function isoSql(expression: string): string {
  return `to_char(${expression} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** Returns statuses of runs as an SQL list of literals, in parentheses. */
export function statusesSql(statuses: readonly RunStatus[]): string {
  return `(${statuses.map((status) => `'${status}'`).join(", ")})`;
}

export interface RunRow {
  readonly run: Run;
  /** Grows with every run; a bigint as text. */
  readonly place: string;
  readonly status: RunStatus;
  readonly fingerprint: string | null;
  readonly provider: string | null;
  readonly totals: PlanTotals | null;
  readonly accepted: number;
  readonly sums: Sums;
  readonly error: ErrorRecord | null;
  readonly publication: string | null;
  readonly owner: Owner | null;
  readonly startedAt: string | null;
  readonly updatedAt: string;
}

/** An owner whose lease has run out is not returned. */
export const runSql = `
  select r.run, r.place, s.status, s.fingerprint, s.provider, s.totals, s.accepted, s.sums, s.error, s.publication,
         case when s.claim_until > clock_timestamp() then s.owner end as owner,
         ${isoSql("s.started_at")} as "startedAt", ${isoSql("s.updated_at")} as "updatedAt"
  from nightshift.ledger_runs r join nightshift.ledger_run_states s on s.run_id = r.id`;

export function toRunState(row: RunRow): RunState {
  return {
    run: row.run,
    status: row.status,
    fingerprint: row.fingerprint,
    provider: row.provider,
    totals: row.totals,
    accepted: { partitions: row.accepted, rows: rowsOf(row.sums) },
    reasons: reasonsOf(row.sums),
    stats: statsOf(row.sums),
    error: row.error,
    publication: row.publication === null ? null : Number(row.publication),
    owner: row.owner,
    startedAt: row.startedAt ?? row.run.createdAt,
    updatedAt: row.updatedAt,
  };
}

export interface PartitionRow {
  readonly index: number;
  readonly status: PartitionState["status"];
  readonly epoch: string;
  readonly attemptId: string | null;
  readonly attempts: number;
  readonly soloDeaths: number;
  readonly expiries: number;
  readonly rows: string;
  readonly receipt: Receipt | null;
  readonly lastError: ErrorRecord | null;
}

export const partitionSql = `
  select p.index, p.status, p.epoch, p.attempt_id as "attemptId", p.attempts, p.solo_deaths as "soloDeaths", p.expiries,
         p.rows,
         c.receipt, p.last_error as "lastError"
  from nightshift.ledger_partitions p
    left join nightshift.ledger_receipts c on c.run_id = p.run_id and c.index = p.index`;

export function toPartitionState(row: PartitionRow): PartitionState {
  return { ...row, epoch: Number(row.epoch), rows: Number(row.rows) };
}
