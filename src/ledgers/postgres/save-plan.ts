/** created -> planned: saves a plan and its partitions in one transaction, regardless of their number. */

import type { Partition } from "../../job/partition.js";
import { inPlanOrder, type Plan } from "../../job/plan.js";
import type { Claim } from "../../job/run.js";
import type { NewId } from "../../time/clock.js";
import { illegal } from "../refusals.js";
import { isOwnedSql, refuseLostClaim } from "./claims.js";
import type { StoredEvent } from "./events.js";
import type { LedgerDatabase, Query } from "./ledger-database.js";

/** Number of partitions in one statement. */
const partitionsAtOnce = 1000;

// No effect if a superseded owner has just saved its own plan; the last statement is refused then.
const planSql = "insert into nightshift.ledger_plans (run_id, plan) values ($1, $2) on conflict do nothing";

const partitionsSql = `
  insert into nightshift.ledger_planned_partitions (run_id, index, rows, partition)
  select $1, (p->>'index')::int, (p->>'rows')::bigint, p from json_array_elements($2::json) p
  on conflict do nothing`;

const progressSql = `
  insert into nightshift.ledger_partitions (run_id, index, rows)
  select run_id, index, rows from nightshift.ledger_planned_partitions where run_id = $1
  on conflict do nothing`;

const plannedSql = `
  with planned as (
    update nightshift.ledger_run_states
    set status = 'planned', fingerprint = $3, totals = $4, partitions = $5, change = $6, provider = $8,
        events = events + 1, updated_at = clock_timestamp()
    where ${isOwnedSql} and status = 'created' returning run_id, events
  ), told as (
    insert into nightshift.ledger_events (run_id, seq, body) select run_id, events, $7::json from planned
  )
  select run_id from planned`;

export async function savePlan(
  ledger: LedgerDatabase,
  newId: NewId,
  claim: Claim,
  plan: Plan,
  partitions: AsyncIterable<Partition>,
): Promise<void> {
  const { runId, coordinatorEpoch } = claim;
  await allowPlanning(ledger.read, claim, ledger.place);
  const token = newId();
  await ledger.transaction(
    async (query) => {
      await query(planSql, [runId, JSON.stringify(plan)]);
      for await (const group of groups(inPlanOrder(plan, partitions)))
        await query(partitionsSql, [runId, JSON.stringify(group)]);
      await query(progressSql, [runId]);
      const { fingerprint, totals } = plan;
      const event = JSON.stringify(plannedEvent(plan));
      const values = [
        runId,
        coordinatorEpoch,
        fingerprint,
        JSON.stringify(totals),
        totals.partitions,
        token,
        event,
        plan.profile.provider,
      ];
      if ((await query(plannedSql, values)).length === 0) await allowPlanning(query, claim, ledger.place);
    },
    async (query) => {
      const rows = await query(
        "select 1 from nightshift.ledger_run_states where run_id = $1 and change = $2",
        [runId, token],
      );
      return rows.length > 0 ? undefined : null;
    },
    // The stream of partitions has been consumed, so the caller has to plan again.
    { mayRepeat: false },
  );
}

async function allowPlanning(query: Query, claim: Claim, place: string): Promise<void> {
  const status = await refuseLostClaim(query, claim, place);
  if (status !== "created") throw illegal(claim.runId, "save a plan", `it is ${status}`);
}

function plannedEvent({ totals, threads, profile, mapping, notes }: Plan): StoredEvent {
  return {
    type: "run.planned",
    totals,
    threads,
    provider: profile.provider,
    found: mapping.found,
    warnings: [...mapping.warnings, ...notes],
  };
}

async function* groups(partitions: AsyncIterable<Partition>): AsyncGenerator<readonly Partition[]> {
  let group: Partition[] = [];
  for await (const partition of partitions) {
    group.push(partition);
    if (group.length < partitionsAtOnce) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
