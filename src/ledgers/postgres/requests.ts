/** What people ask of processes that are at work. Nobody's guard depends on it, so no lock is taken but the row's own. */
import type { NewId } from "../../clock.js";
import type { Ledger } from "../../ledger.js";
import { requireRunId, unknownRun } from "../../ledger-refusals.js";
import type { LedgerDatabase } from "./ledger-database.js";

export type Requests = Pick<
  Ledger,
  "requestCancel" | "isCancelRequested" | "requestBackfillStop" | "lastBackfillStop"
>;

const cancelSql = `
  update nightshift.ledger_run_states set cancel_requested_of = coordinator_epoch where run_id = $1 returning run_id`;

const isRequestedSql = `
  select 1 from nightshift.ledger_run_states
  where run_id = $1 and coordinator_epoch = $2 and cancel_requested_of = $2`;

const stopSql = `
  insert into nightshift.ledger_backfill_stops (job_name, request) values ($1, $2)
  on conflict (job_name) do update set request = excluded.request`;

export function requests({ read, write, place }: LedgerDatabase, newId: NewId): Requests {
  return {
    async requestCancel(runId) {
      requireRunId(runId);
      const rows = await write(
        (query) => query(cancelSql, [runId]),
        // Asked twice is asked once.
        async () => null,
      );
      if (rows.length === 0) throw unknownRun(runId, place);
    },

    async isCancelRequested({ runId, coordinatorEpoch }) {
      return (await read(isRequestedSql, [runId, coordinatorEpoch])).length > 0;
    },

    async requestBackfillStop(jobName) {
      await write(
        (query) => query(stopSql, [jobName, newId()]),
        async () => null,
      );
    },

    async lastBackfillStop(jobName) {
      const [row] = await read<{ request: string }>(
        "select request from nightshift.ledger_backfill_stops where job_name = $1",
        [jobName],
      );
      return row?.request ?? null;
    },
  };
}
