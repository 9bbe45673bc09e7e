/**
 * Transitions by a coordinator that owns a run. Each is one guarded statement. If the guard refuses, the
 * reason is determined: a lost claim, or a state that does not allow the transition.
 */

import type { ErrorRecord } from "../../errors.js";
import type { PartitionStatus } from "../../job/partition.js";
import {
  activeStatuses,
  type Claim,
  isLeasable,
  leasableStatuses,
  openStatuses,
  type RunStatus,
  resumableStatuses,
} from "../../job/run.js";
import type { NewId } from "../../time/clock.js";
import { illegal } from "../refusals.js";
import { isOwnedSql, refuseLostClaim } from "./claims.js";
import type { StoredEvent } from "./events.js";
import type { LedgerDatabase, Query } from "./ledger-database.js";
import { statusesSql } from "./run-rows.js";

export interface Transitions {
  /** @returns the partition's new epoch */
  lease(claim: Claim, partition: number): Promise<number>;
  revive(claim: Claim): Promise<number>;
  beginPublish(claim: Claim): Promise<void>;
  complete(claim: Claim, publication: number): Promise<void>;
  adoptPublication(claim: Claim, publication: number): Promise<void>;
  fail(claim: Claim, error: ErrorRecord): Promise<void>;
  cancel(claim: Claim): Promise<void>;
  drop(claim: Claim): Promise<void>;
}

interface Move {
  readonly to: RunStatus;
  readonly from: readonly RunStatus[];
  readonly event: StoredEvent | null;
  readonly error?: ErrorRecord;
  readonly publication?: number;
  /** Requires that every partition is accepted. */
  readonly whole?: true;
}

const leaseSql = `
  with state as (
    select run_id from nightshift.ledger_run_states
    where ${isOwnedSql} and status in ${statusesSql(leasableStatuses)} for update
  ), leased as (
    update nightshift.ledger_partitions p set status = 'leased', epoch = p.epoch + 1, attempt_id = null, change = $4
    from state where p.run_id = state.run_id and p.index = $3 and p.status = 'pending'
    returning p.epoch
  ), moved as (
    update nightshift.ledger_run_states s set status = 'running', updated_at = clock_timestamp()
    from state, leased where s.run_id = state.run_id
  )
  select epoch from leased`;

const reviveSql = `
  with state as (
    select run_id from nightshift.ledger_run_states
    where ${isOwnedSql} and status in ${statusesSql(leasableStatuses)} for update
  ), revived as (
    update nightshift.ledger_partitions p
    set status = 'pending', attempt_id = null, attempts = 0, solo_deaths = 0, expiries = 0, last_error = null,
        change = null
    from state where p.run_id = state.run_id and p.status in ('failed', 'poisoned')
    returning 1
  )
  select (select count(*)::int from revived) as revived from state`;

const moveSql = `
  with moved as (
    update nightshift.ledger_run_states
    set status = $3, change = $4, updated_at = clock_timestamp(),
        is_retry_requested = is_retry_requested and $3 not in ${statusesSql(resumableStatuses)},
        error = coalesce($5::json, error), publication = coalesce($6, publication),
        events = events + case when $7::json is null then 0 else 1 end
    where ${isOwnedSql} and status = any($8) and (not $9 or accepted = partitions)
    returning run_id, events
  ), told as (
    insert into nightshift.ledger_events (run_id, seq, body)
    select run_id, events, $7::json from moved where $7::json is not null
  )
  select run_id from moved`;

export function transitions({ write, place }: LedgerDatabase, newId: NewId): Transitions {
  /** @param alreadyDone whether a state that refuses the transition means that it happened before */
  function move(
    claim: Claim,
    what: string,
    to: Move,
    alreadyDone: (query: Query) => Promise<boolean> = async () => false,
  ): Promise<boolean> {
    const token = newId();
    const { runId, coordinatorEpoch } = claim;
    const values = [
      runId,
      coordinatorEpoch,
      to.to,
      token,
      to.error === undefined ? null : JSON.stringify(to.error),
      to.publication ?? null,
      to.event === null ? null : JSON.stringify(to.event),
      to.from,
      to.whole === true,
    ];
    const isDone = async (query: Query): Promise<true | null> => {
      const rows = await query(
        "select 1 from nightshift.ledger_run_states where run_id = $1 and change = $2",
        [runId, token],
      );
      return rows.length > 0 ? true : null;
    };
    return write(async (query) => {
      const rows = await query(moveSql, values);
      if (rows.length > 0 || (await isDone(query)) === true) return true;
      const status = await refuseLostClaim(query, claim, place);
      if (await alreadyDone(query)) return true;
      if (to.whole === true) await refuseMissing(query, claim, what, status);
      throw illegal(runId, what, `the run is ${status}`);
    }, isDone);
  }

  async function published(claim: Claim, publication: number, from: readonly RunStatus[]): Promise<void> {
    const event: StoredEvent = { type: "run.published", publication };
    await move(
      claim,
      `record publication ${publication}`,
      { to: "published", from, event, publication },
      async (query) => {
        const rows = await query(
          "select 1 from nightshift.ledger_run_states where run_id = $1 and status = 'published' and publication = $2",
          [claim.runId, publication],
        );
        return rows.length > 0;
      },
    );
  }

  return {
    async lease(claim, partition) {
      const { runId, coordinatorEpoch } = claim;
      const token = newId();
      const leasedBefore = async (query: Query): Promise<number | null> => {
        const [row] = await query<{ epoch: string }>(
          "select epoch from nightshift.ledger_partitions where run_id = $1 and index = $2 and change = $3",
          [runId, partition, token],
        );
        return row === undefined ? null : Number(row.epoch);
      };
      return write(async (query) => {
        const [row] = await query<{ epoch: string }>(leaseSql, [runId, coordinatorEpoch, partition, token]);
        if (row !== undefined) return Number(row.epoch);
        return (await leasedBefore(query)) ?? refuseLease(query, claim, partition, place);
      }, leasedBefore);
    },

    revive: (claim) =>
      write(
        async (query) => {
          const { runId, coordinatorEpoch } = claim;
          const [row] = await query<{ revived: number }>(reviveSql, [runId, coordinatorEpoch]);
          if (row !== undefined) return row.revived;
          const status = await refuseLostClaim(query, claim, place);
          throw illegal(runId, "revive the failed partitions", `the run is ${status}`);
        },
        async () => null,
      ),

    async beginPublish(claim) {
      await move(
        claim,
        "publish the output",
        { to: "publishing", from: leasableStatuses, event: { type: "run.publishing" }, whole: true },
        async (query) => (await refuseLostClaim(query, claim, place)) === "publishing",
      );
    },

    complete: (claim, publication) => published(claim, publication, ["publishing"]),
    adoptPublication: (claim, publication) => published(claim, publication, activeStatuses),

    async fail(claim, error) {
      const event: StoredEvent = { type: "run.failed", error };
      await move(claim, "record the failure", {
        to: "failed",
        from: activeStatuses,
        event,
        error,
      });
    },

    async cancel(claim) {
      await move(claim, "cancel the rest", {
        to: "cancelled",
        from: activeStatuses,
        event: { type: "run.cancelled" },
      });
    },

    async drop(claim) {
      await move(claim, "drop the progress", {
        to: "dropped",
        from: [...openStatuses, ...resumableStatuses],
        event: null,
      });
    },
  };
}

async function refuseLease(query: Query, claim: Claim, partition: number, place: string): Promise<never> {
  const { runId } = claim;
  const what = `lease partition ${partition}`;
  const status = await refuseLostClaim(query, claim, place);
  if (!isLeasable({ status })) throw illegal(runId, what, `the run is ${status}`);
  const [row] = await query<{ status: PartitionStatus | null; partitions: number }>(
    `select p.status, s.partitions from nightshift.ledger_run_states s
       left join nightshift.ledger_partitions p on p.run_id = s.run_id and p.index = $2
     where s.run_id = $1`,
    [runId, partition],
  );
  throw illegal(
    runId,
    what,
    row?.status ? `it is ${row.status}` : `it has ${row?.partitions ?? 0} partitions`,
  );
}

async function refuseMissing(query: Query, { runId }: Claim, what: string, status: RunStatus): Promise<void> {
  if (status !== "running") return;
  const [row] = await query<{ partitions: number; accepted: number }>(
    "select partitions, accepted from nightshift.ledger_run_states where run_id = $1",
    [runId],
  );
  if (row === undefined || row.accepted === row.partitions) return;
  throw illegal(
    runId,
    what,
    `${row.partitions - row.accepted} of ${row.partitions} partitions are not accepted`,
    "Finish them first: nightshift retry",
  );
}
