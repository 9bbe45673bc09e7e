/** Running workers: the description and the time of their last report. */
import type { SeenWorker, SharedLedger, WorkerNote } from "../ledger.js";
import type { LedgerDatabase } from "./ledger-database.js";

export type Workers = Pick<SharedLedger, "noteWorker" | "forgetWorker" | "listWorkers">;

const noteSql = `
  insert into nightshift.ledger_workers (id, worker, heard_at, until)
  values ($1, $2, clock_timestamp(), clock_timestamp() + $3::float8 * interval '1 millisecond')
  on conflict (id) do update set worker = excluded.worker, heard_at = excluded.heard_at, until = excluded.until`;

const pruneSql = "delete from nightshift.ledger_workers where until < clock_timestamp()";

const listSql = `
  select worker, extract(epoch from clock_timestamp() - heard_at)::float8 as "heardSecondsAgo"
  from nightshift.ledger_workers where until >= clock_timestamp()
  order by worker->>'host', (worker->>'pid')::int`;

export function workers({ read }: LedgerDatabase): Workers {
  return {
    async noteWorker(worker, forMs) {
      await read(noteSql, [worker.id, JSON.stringify(worker), forMs]);
      await read(pruneSql);
    },

    async forgetWorker(id) {
      await read("delete from nightshift.ledger_workers where id = $1", [id]);
    },

    async listWorkers() {
      const rows = await read<{ worker: WorkerNote; heardSecondsAgo: number }>(listSql);
      return rows.map(({ worker, heardSecondsAgo }): SeenWorker => ({ ...worker, heardSecondsAgo }));
    },
  };
}
