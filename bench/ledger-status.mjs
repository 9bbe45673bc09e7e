// What it costs to look at a run of 100,000 partitions in a ledger on PostgreSQL: `status` beside that of a run of one, both
// as whole processes, so that start-up and connection are in each.
import { writeFileSync } from "node:fs";

const partitions = 100_000;
const looks = 9;

export async function benchStatus({ database, cache, cli, model, input, repeat, report }) {
  const job = `${cache}/postgres/jobs/one.yaml`;
  const stack = Array.from({ length: 28 }, (_, f) => `f${f}`).join(", ");
  writeFileSync(
    job,
    `version: 1\nname: one\nmodel: ${model}\ninput: { from: ${input} }\nfeatures: { input: { stack: [${stack}] } }\nwrite: { to: ../one, mode: replace }\n`,
  );
  const withLedger = ["--ledger", database.url, "--progress", "none"];
  await repeat("one", process.execPath, [cli, "run", job, "--restart", ...withLedger], 0);
  const [{ id }] = await database.query(
    "select id from nightshift.ledger_runs where job_name = 'one' limit 1",
  );
  await widen(database, id);
  const median = async (run) => {
    const result = await repeat("status", process.execPath, [cli, "status", run, ...withLedger], looks);
    report(
      `nightshift status of ${run === id ? "1 partition" : `${partitions.toLocaleString("en-US")} partitions`}`,
      result,
      null,
    );
    return result.seconds * 1000;
  };
  const [narrow, wide] = [await median(id), await median(`${id}-wide`)];
  console.log(
    `status of ${partitions} partitions: ${(wide - narrow).toFixed(0)} ms more than of 1 (${narrow.toFixed(0)} ms, start-up included).`,
  );
}

/** The run once more, under another name, interrupted when six of ten of its 100,000 partitions were accepted. */
async function widen(database, id) {
  const wide = `${id}-wide`;
  const last = partitions - 1;
  await database.query(`
    insert into nightshift.ledger_runs (id, job_id, scope, generation, job_name, run, created_by)
      select '${wide}', job_id, scope, generation + 1, job_name,
             (run::jsonb || '{"id": "${wide}"}')::json, gen_random_uuid()
      from nightshift.ledger_runs where id = '${id}';
    insert into nightshift.ledger_run_states (run_id, status, fingerprint, totals, partitions, accepted, sums, started_at)
      select '${wide}', 'running', fingerprint, totals, ${partitions}, ${partitions * 0.6}, sums, started_at
      from nightshift.ledger_run_states where run_id = '${id}';
    insert into nightshift.ledger_plans select '${wide}', plan from nightshift.ledger_plans where run_id = '${id}';
    insert into nightshift.ledger_planned_partitions
      select '${wide}', g, rows, partition from nightshift.ledger_planned_partitions, generate_series(0, ${last}) g
      where run_id = '${id}' and index = 0;
    insert into nightshift.ledger_partitions (run_id, index, rows, status, epoch, attempt_id, attempts)
      select '${wide}', g, 1000, case when g % 10 < 6 then 'accepted' else 'pending' end, 1, gen_random_uuid(), 1
      from generate_series(0, ${last}) g;
    insert into nightshift.ledger_receipts
      select '${wide}', g, receipt from nightshift.ledger_receipts, generate_series(0, ${last}) g
      where run_id = '${id}' and index = 0 and g % 10 < 6;
    insert into nightshift.ledger_events (run_id, seq, body)
      select '${wide}', g + 1, '{"type": "partition.accepted"}' from generate_series(0, ${3 * last}) g`);
  await database.query("vacuum analyze");
}
