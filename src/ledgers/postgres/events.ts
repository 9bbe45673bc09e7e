/** Events of a run, in the order of their transitions. */
import { setTimeout as sleep } from "node:timers/promises";
import { hasEnded, type Run, type RunStatus } from "../../job/run.js";
import type { RunEvent, RunEventBody } from "../../job/run-events.js";
import { rowsOf, type Sums } from "../../job/statistics.js";
import { unknownRun } from "../refusals.js";
import type { LedgerDatabase } from "./ledger-database.js";
import { isoSql } from "./run-rows.js";

/** Row counts are read from the run, since no partition is accepted after publishing began. */
export type StoredEvent =
  | Exclude<RunEventBody, { type: "run.publishing" | "run.published" | "run.started" }>
  | { readonly type: "run.started"; readonly resumed: boolean }
  | { readonly type: "run.publishing" }
  | { readonly type: "run.published"; readonly publication: number };

interface EventRow {
  readonly status: RunStatus;
  readonly sums: Sums;
  readonly seq: string | null;
  readonly at: string;
  readonly body: StoredEvent;
}

const pollMs = 100;
const atOnce = 1000;

const nextSql = `
  select s.status, s.sums, e.seq, ${isoSql("e.at")} as at, e.body
  from nightshift.ledger_run_states s left join nightshift.ledger_events e on e.run_id = s.run_id and e.seq > $2
  where s.run_id = $1 order by e.seq limit ${atOnce}`;

/**
 * Yields events from the first one, then new ones until the run has ended or the signal fires. It polls,
 * because notifications can be lost, and because every commit with a notification waits for all others in the
 * database.
 */
export async function* followRun(
  { read, place }: LedgerDatabase,
  run: Run,
  signal: AbortSignal,
): AsyncGenerator<RunEvent> {
  let seen = "0";
  while (!signal.aborted) {
    // One statement, so that the status and the events are from the same snapshot.
    const rows = await read<EventRow>(nextSql, [run.id, seen]);
    const [first] = rows;
    if (first === undefined) throw unknownRun(run.id, place);
    for (const row of rows) {
      if (row.seq === null) continue;
      seen = row.seq;
      yield { runId: run.id, at: row.at, ...bodyOf(row, run) };
      if (signal.aborted) return;
    }
    if (rows.length === atOnce) continue;
    if (hasEnded(first)) return;
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
}

function bodyOf({ body, sums }: EventRow, run: Run): RunEventBody {
  switch (body.type) {
    case "run.started":
      return { ...body, job: run.jobName, trigger: run.trigger, interval: run.interval };
    case "run.publishing":
      return { ...body, rows: rowsOf(sums) };
    case "run.published":
      return { ...body, rows: rowsOf(sums), target: run.target };
    default:
      return body;
  }
}
