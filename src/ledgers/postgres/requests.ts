/** Requests of users to running processes. No guard depends on them, so they lock only their own row. */
import { activeStatuses, finalStatuses } from "../../job/run.js";
import type { NewId } from "../../time/clock.js";
import type { Requests } from "../ledger.js";
import { requireRunId, unknownRun } from "../refusals.js";
import type { LedgerDatabase } from "./ledger-database.js";
import { type RunRow, runSql, statusesSql, toRunState } from "./run-rows.js";

const cancelSql = `
  update nightshift.ledger_run_states set cancel_requested_of = coordinator_epoch where run_id = $1 returning run_id`;

const isRequestedSql = `
  select 1 from nightshift.ledger_run_states
  where run_id = $1 and coordinator_epoch = $2 and cancel_requested_of = $2`;

const isPendingSql = `
  select 1 from nightshift.ledger_run_states
  where run_id = $1 and cancel_requested_of = coordinator_epoch
    and status in ${statusesSql(activeStatuses)}`;

const retrySql =
  "update nightshift.ledger_run_states set is_retry_requested = $2 where run_id = $1 returning run_id";

const isToBeRetriedSql = `s.is_retry_requested and s.status not in ${statusesSql(finalStatuses)}`;

const stopSql = `
  insert into nightshift.ledger_backfill_stops (job_name, request) values ($1, $2)
  on conflict (job_name) do update set request = excluded.request`;

export function requests({ read, write, place }: LedgerDatabase, newId: NewId): Requests {
  /** Idempotent. */
  function setRetry(runId: string, isRequested: boolean): Promise<readonly object[]> {
    return write<readonly object[]>(
      (query) => query(retrySql, [runId, isRequested]),
      async () => null,
    );
  }

  return {
    async requestCancel(runId) {
      requireRunId(runId);
      const rows = await write(
        (query) => query(cancelSql, [runId]),
        // Idempotent, so there is nothing to read back.
        async () => null,
      );
      if (rows.length === 0) throw unknownRun(runId, place);
    },

    async isCancelRequested({ runId, coordinatorEpoch }) {
      return (await read(isRequestedSql, [runId, coordinatorEpoch])).length > 0;
    },

    async isCancelPending(runId) {
      return (await read(isPendingSql, [runId])).length > 0;
    },

    async requestRetry(runId) {
      requireRunId(runId);
      if ((await setRetry(runId, true)).length === 0) throw unknownRun(runId, place);
    },

    async withdrawRetry(runId) {
      await setRetry(runId, false);
    },

    async isRetryRequested(runId) {
      const sql = `select 1 from nightshift.ledger_run_states s where s.run_id = $1 and ${isToBeRetriedSql}`;
      return (await read(sql, [runId])).length > 0;
    },

    async *listRetries() {
      const rows = await read<RunRow>(`${runSql} where ${isToBeRetriedSql} order by r.place`);
      yield* rows.map(toRunState);
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
