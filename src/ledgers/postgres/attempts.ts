/**
 * Reports of attempts. Each is one statement: it locks the run's row, changes the partition only if its state
 * still matches the attempt, and writes the event. If it changes no row, the attempt is outdated.
 */

import type { AttemptFailure, PartitionRef, PartitionStatus, Receipt } from "../../job/partition.js";
import { sumsOf } from "../../job/statistics.js";
import type { NewId } from "../../time/clock.js";
import { unknownRun } from "../refusals.js";
import type { StoredEvent } from "./events.js";
import type { LedgerDatabase, Query } from "./ledger-database.js";
import { addedSql } from "./sums.js";

export interface Attempts {
  /** @param leaseMs `null`: held until the coordinator decides otherwise */
  start(ref: PartitionRef, attemptId: string, leaseMs: number | null): Promise<"started" | "fenced">;
  accept(receipt: Receipt): Promise<"accepted" | "fenced">;
  fail(ref: PartitionRef, failure: AttemptFailure): Promise<"recorded" | "fenced">;
}

/** Locks the run's row and reads it as of the lock, not as of the statement's snapshot. */
const lockRunning = `
  with state as (
    select run_id, events, sums from nightshift.ledger_run_states where run_id = $1 and status = 'running' for update
  )`;

/** @param event the parameter that contains the event's body */
const tell = (changed: string, event: string, more = ""): string => `
  moved as (
    update nightshift.ledger_run_states s
    set events = state.events + 1, updated_at = clock_timestamp()${more}
    from state, ${changed} where s.run_id = state.run_id
  ), told as (
    insert into nightshift.ledger_events (run_id, seq, body)
    select state.run_id, state.events + 1, ${event}::json from state, ${changed}
  )`;

const startSql = `${lockRunning}, started as (
    update nightshift.ledger_partitions p
    set status = 'running', attempt_id = $4, change = $5,
        lease_until = clock_timestamp() + $7::float8 * interval '1 millisecond'
    from state where p.run_id = state.run_id and p.index = $2 and p.epoch = $3 and p.status = 'leased'
    returning p.index
  ), ${tell("started", "$6")}
  select index from started`;

const acceptSql = `${lockRunning}, accepted as (
    update nightshift.ledger_partitions p set status = 'accepted', last_error = null, expiries = 0, change = $5
    from state where p.run_id = state.run_id and p.index = $2 and p.epoch = $3
      and p.status = 'running' and p.attempt_id = $4
    returning p.index
  ), kept as (
    insert into nightshift.ledger_receipts (run_id, index, receipt) select $1, $2, $7::json from accepted
  ), ${tell("accepted", "$6", `, accepted = s.accepted + 1, sums = ${addedSql("state.sums", "$8::jsonb")}`)}
  select index from accepted`;

/** A started partition accepts failures from its own attempt only. */
const failSql = `${lockRunning}, failed as (
    update nightshift.ledger_partitions p
    set status = $7, attempt_id = null, attempts = p.attempts + $8, solo_deaths = p.solo_deaths + $9,
        last_error = coalesce($10::json, p.last_error), change = $5,
        -- An attempt that reports its end survived it. One that was stopped proves nothing.
        expiries = case when $10::json is null then p.expiries else 0 end
    from state where p.run_id = state.run_id and p.index = $2 and p.epoch = $3
      and (p.status = 'leased' or (p.status = 'running' and p.attempt_id = $4))
    returning p.index
  ), ${tell("failed", "$6")}
  select index from failed`;

const fenceSql = `
  with state as (
    select run_id, events from nightshift.ledger_run_states where run_id = $1 for update
  ), moved as (
    update nightshift.ledger_run_states s set events = state.events + 1, updated_at = clock_timestamp()
    from state where s.run_id = state.run_id
  )
  insert into nightshift.ledger_events (run_id, seq, body) select run_id, events + 1, $2::json from state returning seq`;

export function attempts({ write, read, place }: LedgerDatabase, newId: NewId): Attempts {
  /** @returns whether this call changed the partition */
  function change(
    sql: string,
    ref: PartitionRef,
    attemptId: string,
    event: StoredEvent,
    more: readonly unknown[] = [],
  ): Promise<boolean> {
    const token = newId();
    const { runId, partition, epoch } = ref;
    const isDone = async (query: Query): Promise<true | null> =>
      (await isChangedBy(query, ref, token)) ? true : null;
    return write(async (query) => {
      const values = [runId, partition, epoch, attemptId, token, JSON.stringify(event), ...more];
      const rows = await query(sql, values);
      // An earlier try whose answer was lost may have been committed since.
      return rows.length > 0 || (await isDone(query)) === true;
    }, isDone);
  }

  async function whereIs({ runId, partition }: PartitionRef) {
    const [row] = await read<{
      status: PartitionStatus | null;
      attemptId: string | null;
      epoch: string | null;
    }>(
      `select p.status, p.attempt_id as "attemptId", p.epoch
       from nightshift.ledger_run_states s left join nightshift.ledger_partitions p on p.run_id = s.run_id and p.index = $2
       where s.run_id = $1`,
      [runId, partition],
    );
    if (row === undefined) throw unknownRun(runId, place);
    return row;
  }

  return {
    async start(ref, attemptId, leaseMs) {
      const event = { type: "partition.started", ...numbersOf(ref), attemptId } as const;
      if (await change(startSql, ref, attemptId, event, [leaseMs])) return "started";
      await whereIs(ref);
      return "fenced";
    },

    async accept(receipt) {
      const { ref, attemptId, rows, stats } = receipt;
      const event = { type: "partition.accepted", ...numbersOf(ref), attemptId, rows, stats } as const;
      const more = [JSON.stringify(receipt), JSON.stringify(sumsOf(receipt))];
      if (await change(acceptSql, ref, attemptId, event, more)) return "accepted";
      const now = await whereIs(ref);
      if (now.status === "accepted" && now.attemptId === attemptId && Number(now.epoch) === ref.epoch)
        return "accepted";
      const fenced: StoredEvent = {
        ...{ type: "partition.fenced", ...numbersOf(ref), attemptId, refused: "receipt" },
      };
      await write(
        (query) => query(fenceSql, [ref.runId, JSON.stringify(fenced)]),
        async () => null,
      );
      return "fenced";
    },

    async fail(ref, failure) {
      const { attemptId, cost, error, next } = failure;
      const event = { type: "partition.failed", ...numbersOf(ref), attemptId, error, next } as const;
      const isRecorded = await change(failSql, ref, attemptId, event, [
        next,
        cost === "fault" ? 1 : 0,
        cost === "solo-death" ? 1 : 0,
        cost === "released" ? null : JSON.stringify(error),
      ]);
      if (isRecorded) return "recorded";
      await whereIs(ref);
      return "fenced";
    },
  };
}

function numbersOf({ partition, epoch }: PartitionRef) {
  return { partition, epoch };
}

async function isChangedBy(
  query: Query,
  { runId, partition }: PartitionRef,
  token: string,
): Promise<boolean> {
  const rows = await query(
    "select 1 from nightshift.ledger_partitions where run_id = $1 and index = $2 and change = $3",
    [runId, partition, token],
  );
  return rows.length > 0;
}
