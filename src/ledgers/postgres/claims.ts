/**
 * Claims a run for a process and keeps the claim: a number that only grows, and a lease on the database's
 * clock. The lease is renewed after a third of its duration; once it has run out, any process may claim the
 * run with the next number. If the owner ran on this machine and is known to be dead, its lease is not waited
 * for.
 */

import { type Claim, isFinal, type Owner, type RunStatus, resumableStatuses } from "../../job/run.js";
import type { Every, NewId } from "../../time/clock.js";
import { claimLost, notClaimed, ownerAlive, ownerElsewhere, runEnded, unknownRun } from "../refusals.js";
import type { StoredEvent } from "./events.js";
import type { LedgerDatabase, Query } from "./ledger-database.js";
import { statusesSql } from "./run-rows.js";

export interface ClaimsOptions {
  readonly leaseMs: number;
  readonly newId: NewId;
  readonly isAlive: IsAlive;
  readonly every: Every;
}

/** `other-host`: cannot be determined from here. */
export type IsAlive = (owner: Owner) => "alive" | "dead" | "other-host";

export interface Claims {
  claim(runId: string, owner: Owner, takeOver: boolean): Promise<Claim>;
  release(claim: Claim): Promise<void>;
  /**
   * Called after an attempt of this process was refused, because another process may own the run now. @throws
   * `infra.claim-lost`
   */
  refuseIfLost(runId: string): Promise<void>;
  /** Stops renewing. */
  close(): void;
}

interface OwnerRow {
  readonly status: RunStatus;
  readonly owner: Owner | null;
  readonly epoch: string;
  readonly leaseMs: number;
}

interface Held {
  readonly claim: Claim;
  readonly stopRenewing: () => void;
}

/** Condition for a transition by a coordinator: `$1` is the run, `$2` the claim's number. */
export const isOwnedSql = "run_id = $1 and coordinator_epoch = $2 and owner is not null";

const lockSql = `
  select status, owner, coordinator_epoch as epoch,
         coalesce(extract(epoch from claim_until - clock_timestamp()) * 1000, 0)::float8 as "leaseMs"
  from nightshift.ledger_run_states where run_id = $1 for update`;

/** Puts leased and running partitions back to pending: no attempt is active under a new claim. */
const putBackSql = `
  update nightshift.ledger_partitions set status = 'pending', attempt_id = null, change = null
  where run_id = $1 and status in ('leased', 'running')`;

/** A failed or cancelled run resumes where it stopped. */
const claimSql = `
  with claimed as (
    update nightshift.ledger_run_states s
    set coordinator_epoch = coordinator_epoch + 1, owner = $2, change = $3,
        claim_until = clock_timestamp() + $4 * interval '1 millisecond',
        events = events + 1,
        started_at = coalesce(started_at, clock_timestamp()), updated_at = clock_timestamp(),
        error = case when status in ${statusesSql(resumableStatuses)} then null else error end,
        status = case when status not in ${statusesSql(resumableStatuses)} then status
          when fingerprint is null then 'created'
          when exists (select 1 from nightshift.ledger_partitions p where p.run_id = s.run_id and p.epoch > 0) then 'running'
          else 'planned' end
    where run_id = $1 returning run_id, coordinator_epoch, events
  ), told as (
    insert into nightshift.ledger_events (run_id, seq, body) select run_id, events, $5::json from claimed
  )
  select coordinator_epoch as epoch from claimed`;

const renewSql = `
  update nightshift.ledger_run_states set claim_until = clock_timestamp() + $3 * interval '1 millisecond'
  where ${isOwnedSql} returning run_id`;

/** Maximum duration of a claim. A claim that ends later was made before the database's clock stepped back. */
const longestLeaseMs = 60_000;

const shortenSql = `
  update nightshift.ledger_run_states set claim_until = clock_timestamp() + $2 * interval '1 millisecond'
  where run_id = $1 and claim_until > clock_timestamp() + ($2 + 1000) * interval '1 millisecond'`;

const releaseSql = `
  update nightshift.ledger_run_states set owner = null, claim_until = null, updated_at = clock_timestamp()
  where ${isOwnedSql}`;

export function claims(ledger: LedgerDatabase, options: ClaimsOptions): Claims {
  const { leaseMs, newId, isAlive, every } = options;
  const { read, write, transaction, place } = ledger;
  const heldRuns = new Map<string, Held>();

  function hold(claim: Claim): Claim {
    forget(claim.runId);
    const stopRenewing = every(leaseMs / 3, () => void renew(claim));
    heldRuns.set(claim.runId, { claim, stopRenewing });
    return claim;
  }

  function forget(runId: string): void {
    heldRuns.get(runId)?.stopRenewing();
    heldRuns.delete(runId);
  }

  /** A failed renewal is harmless: the next one follows, or the lease runs out and the next write fails. */
  async function renew({ runId, coordinatorEpoch }: Claim): Promise<void> {
    const rows = await read(renewSql, [runId, coordinatorEpoch, leaseMs]).catch(() => null);
    if (rows?.length === 0 && heldRuns.get(runId)?.claim.coordinatorEpoch === coordinatorEpoch)
      heldRuns.get(runId)?.stopRenewing();
  }

  async function claimOnce(query: Query, runId: string, owner: Owner, takeOver: boolean, token: string) {
    const [before] = await query<OwnerRow>(lockSql, [runId]);
    if (before === undefined) throw unknownRun(runId, place);
    const { status } = before;
    if (isFinal(before)) throw runEnded(runId, status);
    refuseWhileOwned(runId, before, takeOver);
    await query(putBackSql, [runId]);
    const event: StoredEvent = { type: "run.started", resumed: Number(before.epoch) > 0 };
    const values = [runId, JSON.stringify(owner), token, leaseMs, JSON.stringify(event)];
    const [claimed] = await query<{ epoch: string }>(claimSql, values);
    return Number(claimed?.epoch);
  }

  function refuseWhileOwned(runId: string, { owner, leaseMs }: OwnerRow, takeOver: boolean): void {
    if (owner === null || leaseMs <= 0) return;
    const life = isAlive(owner);
    if (life === "alive") throw ownerAlive(runId, owner.pid);
    if (life === "other-host" && !takeOver) throw ownerElsewhere(runId, owner.pid, owner.host, leaseMs);
  }

  return {
    async claim(runId, owner, takeOver) {
      const token = newId();
      await read(shortenSql, [runId, Math.max(leaseMs, longestLeaseMs)]);
      const coordinatorEpoch = await transaction(
        (query) => claimOnce(query, runId, owner, takeOver, token),
        async (query) => {
          const [row] = await query<{ epoch: string }>(
            "select coordinator_epoch as epoch from nightshift.ledger_run_states where run_id = $1 and change = $2",
            [runId, token],
          );
          return row === undefined ? null : Number(row.epoch);
        },
      );
      return hold({ runId, coordinatorEpoch });
    },

    async release({ runId, coordinatorEpoch }) {
      if (heldRuns.get(runId)?.claim.coordinatorEpoch === coordinatorEpoch) forget(runId);
      await write(
        (query) => query(releaseSql, [runId, coordinatorEpoch]),
        async () => null,
      );
    },

    async refuseIfLost(runId) {
      const held = heldRuns.get(runId);
      if (held !== undefined) await refuseLostClaim(read, held.claim, place);
    },

    close() {
      for (const runId of [...heldRuns.keys()]) forget(runId);
    },
  };
}

/** Refuses a coordinator whose claim was lost. @returns the run's status, if the claim is still in effect */
export async function refuseLostClaim(
  query: Query,
  { runId, coordinatorEpoch }: Claim,
  place: string,
): Promise<RunStatus> {
  const [row] = await query<{ status: RunStatus; epoch: string; isOwned: boolean }>(
    `select status, coordinator_epoch as epoch, owner is not null as "isOwned"
     from nightshift.ledger_run_states where run_id = $1`,
    [runId],
  );
  if (row === undefined) throw unknownRun(runId, place);
  if (Number(row.epoch) > coordinatorEpoch) throw claimLost(runId);
  if (Number(row.epoch) !== coordinatorEpoch || !row.isOwned) throw notClaimed(runId);
  return row.status;
}
