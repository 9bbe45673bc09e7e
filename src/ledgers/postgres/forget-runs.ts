/** Retention: removes old runs, and keeps the highest generation of each job and scope. */
import { finalStatuses } from "../../job/run.js";
import type { SharedLedger } from "../ledger.js";
import type { LedgerDatabase } from "./ledger-database.js";

/** A run has up to 100,000 partitions, which are deleted with it. */
const runsAtOnce = 20;

export function forgetting({
  read,
  write,
}: LedgerDatabase): Pick<SharedLedger, "forgetRuns" | "lastGeneration"> {
  return {
    async lastGeneration(jobId, scope) {
      const [row] = await read<{ generation: number }>(
        `select greatest(
          coalesce((select max(generation) from nightshift.ledger_runs where job_id = $1 and scope = $2), 0),
          coalesce((select generation from nightshift.ledger_forgotten where job_id = $1 and scope = $2), 0)
        ) as generation`,
        [jobId, scope],
      );
      return row?.generation ?? 0;
    },

    async forgetRuns(runIds) {
      for (let from = 0; from < runIds.length; from += runsAtOnce) {
        const some = runIds.slice(from, from + runsAtOnce);
        // A repetition after a lost answer finds nothing left to delete.
        await write(
          async (query) => void (await query(forgetSql, [some, finalStatuses])),
          async () => null,
        );
      }
    },
  };
}

const forgetSql = `
  with forgotten as (
    delete from nightshift.ledger_runs r using nightshift.ledger_run_states s
    where r.id = any($1) and s.run_id = r.id and s.status = any($2)
    returning r.job_id, r.scope, r.generation
  )
  insert into nightshift.ledger_forgotten as f (job_id, scope, generation)
  select job_id, scope, max(generation) from forgotten group by job_id, scope
  on conflict (job_id, scope) do update set generation = greatest(f.generation, excluded.generation)`;
