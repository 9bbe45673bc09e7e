/**
 * Leases of attempts on their partitions, on the database's clock, renewed by their workers. Renewal locks
 * only the partition's row; expiry locks the run's row first, as every transition does.
 */

import { InfraError, toErrorRecord } from "../../errors.js";
import type { PartitionRef } from "../../job/partition.js";
import type { Claim } from "../../job/run.js";
import type { NewId } from "../../time/clock.js";
import type { LeaseEnd } from "../ledger.js";
import { isOwnedSql, refuseLostClaim } from "./claims.js";
import type { LedgerDatabase } from "./ledger-database.js";

export interface Leases {
  renew(ref: PartitionRef, attemptId: string, leaseMs: number): Promise<"renewed" | "fenced">;
  expire(claim: Claim, maxExpiries?: number): Promise<number>;
  /** Returns the running partitions whose leases end first, at most three. */
  ends(runId: string): Promise<readonly LeaseEnd[]>;
}

interface Look {
  readonly isAny: boolean;
  /** Time on the database's clock. */
  readonly nowMs: number;
  /** Remaining time of the longest lease. */
  readonly longestMs: number;
}

/** A measurement, with the monotonic time of this process when its answer arrived. */
interface Seen {
  readonly nowMs: number;
  readonly atMs: number;
  /** Maximum over all measurements of the run: no lease is longer. */
  readonly longestMs: number;
}

const renewSql = `
  update nightshift.ledger_partitions
  set lease_until = clock_timestamp() + $5::float8 * interval '1 millisecond'
  where run_id = $1 and index = $2 and epoch = $3 and attempt_id = $4 and status = 'running'
  returning index`;

const isOverSql = "p.status = 'running' and p.lease_until < clock_timestamp()";

/** A check without locks, since usually there is nothing to do. */
const lookSql = `
  select coalesce(bool_or(${isOverSql}), false) as "isAny", extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs",
         coalesce(extract(epoch from max(p.lease_until) - clock_timestamp())::float8 * 1000, 0) as "longestMs"
  from nightshift.ledger_partitions p where p.run_id = $1 and p.status = 'running' and p.lease_until is not null`;

/** Shortens leases from before the clock stepped back, which would end later than any newer lease. */
const shiftSql = `
  update nightshift.ledger_partitions
  set lease_until = lease_until - $2::float8 * interval '1 millisecond'
  where run_id = $1 and status = 'running'
    and lease_until > clock_timestamp() + $3::float8 * interval '1 millisecond'`;

const endsSql = `
  select p.index as partition, extract(epoch from p.lease_until - clock_timestamp())::float8 * 1000 as "leftMs"
  from nightshift.ledger_partitions p
  where p.run_id = $1 and p.status = 'running' and p.lease_until is not null order by p.lease_until limit 3`;

/**
 * A smaller difference does not count as a step: clocks are slewed, and are sampled at slightly different
 * times.
 */
const smallestStepMs = 1_000;

const expireSql = `
  with state as (
    select run_id, events from nightshift.ledger_run_states where ${isOwnedSql} and status = 'running' for update
  ), expired as (
    update nightshift.ledger_partitions p
    set status = case when p.expiries + 1 >= $5::int then 'poisoned' else 'pending' end,
        last_error = case when p.expiries + 1 >= $5::int then $6::json else $3::json end,
        expiries = p.expiries + 1, attempt_id = null, lease_until = null, change = $4
    from state where p.run_id = state.run_id and ${isOverSql}
    returning p.index, p.epoch, p.status, p.last_error
  ), moved as (
    update nightshift.ledger_run_states s
    set events = state.events + (select count(*) from expired), updated_at = clock_timestamp()
    from state where s.run_id = state.run_id
  ), told as (
    insert into nightshift.ledger_events (run_id, seq, body)
    select state.run_id, state.events + row_number() over (order by expired.index),
           json_build_object('type', 'partition.failed', 'partition', expired.index, 'epoch', expired.epoch,
                             'error', expired.last_error, 'next', expired.status)
    from state, expired
  )
  select index from expired`;

export function leases(
  { write, read, place }: LedgerDatabase,
  newId: NewId,
  monotonicMs: () => number,
): Leases {
  const seen = new Map<string, Seen>();

  /**
   * Checks for expired leases. If the database's clock has stepped back since the last check, older leases
   * would last longer by the step, so they are shortened by it.
   */
  async function look(runId: string): Promise<boolean> {
    const askedMs = monotonicMs();
    const [now] = await read<Look>(lookSql, [runId]);
    if (now === undefined) return false;
    const before = seen.get(runId);
    const stepMs = before === undefined ? 0 : askedMs - before.atMs - (now.nowMs - before.nowMs);
    const hasStepped = before !== undefined && stepMs > smallestStepMs;
    const longestMs = hasStepped ? before.longestMs : Math.max(before?.longestMs ?? 0, now.longestMs);
    seen.set(runId, { nowMs: now.nowMs, atMs: monotonicMs(), longestMs });
    if (hasStepped) await read(shiftSql, [runId, stepMs, longestMs + smallestStepMs]);
    return now.isAny;
  }

  return {
    ends: (runId) => read<LeaseEnd>(endsSql, [runId]),

    async renew({ runId, partition, epoch }, attemptId, leaseMs) {
      const rows = await read(renewSql, [runId, partition, epoch, attemptId, leaseMs]);
      return rows.length > 0 ? "renewed" : "fenced";
    },

    async expire(claim, maxExpiries) {
      const { runId, coordinatorEpoch } = claim;
      if (!(await look(runId))) return 0;
      const [error, poisoned] = [leaseExpired(), expiredInARow(maxExpiries ?? 0)].map((each) =>
        JSON.stringify(toErrorRecord(each)),
      );
      const values = [runId, coordinatorEpoch, error, newId(), maxExpiries ?? null, poisoned];
      const rows = await write(
        (query) => query(expireSql, values),
        // Expiry is final. If the answer was lost, a second call finds only the remaining leases.
        async () => null,
      );
      if (rows.length === 0) await refuseLostClaim(read, claim, place);
      return rows.length;
    },
  };
}

function leaseExpired(): InfraError {
  return new InfraError("infra.lease-expired", "its worker did not renew the lease in time", {
    hint: "Another worker scores the partition again. Check that the worker's machine is running.",
  });
}

function expiredInARow(times: number): InfraError {
  return new InfraError(
    "infra.lease-expired",
    `its worker did not renew the lease in time, ${times} times in a row: each time the worker or its machine died`,
    {
      hint: "Check which resource these machines ran out of, most often memory. Then score it again with nightshift retry.",
    },
  );
}
