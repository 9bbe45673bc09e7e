import type { Run } from "../../job/run.js";
import type { NewId } from "../../time/clock.js";
import { requireRunId, runIdTaken } from "../refusals.js";
import type { LedgerDatabase, Query } from "./ledger-database.js";

const createSql = `
  with made as (
    insert into nightshift.ledger_runs (id, job_id, scope, generation, job_name, run, created_by)
    select $1, $2, $3, $4::int, $5, $6::json, $7::uuid
    where not exists (
      select from nightshift.ledger_forgotten where job_id = $2 and scope = $3 and generation >= $4::int
    )
    on conflict do nothing returning id
  ), state as (
    insert into nightshift.ledger_run_states (run_id) select id from made
  )
  select id from made`;

/** The unique key decides between concurrent creations of a run. */
export async function createRun(
  { write }: LedgerDatabase,
  newId: NewId,
  run: Run,
): Promise<"created" | "exists"> {
  requireRunId(run.id);
  const token = newId();
  const { jobId, scope, generation } = run.key;
  const values = [run.id, jobId, scope, generation, run.jobName, JSON.stringify(run), token];
  const isOurs = async (query: Query): Promise<"created" | null> => {
    const rows = await query("select 1 from nightshift.ledger_runs where id = $1 and created_by = $2", [
      run.id,
      token,
    ]);
    return rows.length > 0 ? "created" : null;
  };
  return write(async (query) => {
    const made = await query(createSql, values);
    if (made.length > 0 || (await isOurs(query)) !== null) return "created";
    const sameKey = await query(
      `select from nightshift.ledger_runs where job_id = $1 and scope = $2 and generation = $3
       union all select from nightshift.ledger_forgotten where job_id = $1 and scope = $2 and generation >= $3`,
      [jobId, scope, generation],
    );
    if (sameKey.length === 0) throw runIdTaken(run.id);
    return "exists";
  }, isOurs);
}
