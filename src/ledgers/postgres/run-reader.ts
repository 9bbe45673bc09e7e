/** Reads runs: from any machine, at any time, without a claim. */

import type { Partition, PartitionStatus, Receipt } from "../../job/partition.js";
import type { Plan } from "../../job/plan.js";
import type { Run } from "../../job/run.js";
import type { PartitionCounts, SharedLedger } from "../ledger.js";
import { illegal, requireRunId, unknownRun } from "../refusals.js";
import { followRun } from "./events.js";
import type { LedgerDatabase } from "./ledger-database.js";
import {
  type PartitionRow,
  partitionSql,
  type RunRow,
  runSql,
  toPartitionState,
  toRunState,
} from "./run-rows.js";

export interface RunReader
  extends Pick<
    SharedLedger,
    | "readPlan"
    | "loadTask"
    | "readRun"
    | "listRuns"
    | "readPartition"
    | "listPartitions"
    | "countPartitions"
    | "readPartitions"
    | "readChanged"
    | "changes"
  > {
  /** In plan order. */
  readReceipts(runId: string): Promise<readonly Receipt[]>;
}

/** First page of a listing is small, because most callers want only the newest runs. */
const firstRuns = 10;
const runsAtOnce = 200;
const partitionsAtOnce = 2000;
/** Number of recently read runs and plans to cache. They never change. */
const remembered = 4;

export function runReader(ledger: LedgerDatabase): RunReader {
  const { read, place } = ledger;
  const runs = recent<Run>(remembered);
  const plans = recent<Plan>(remembered);

  /** @throws SpecError `refused.run-id`, `refused.unknown-run` */
  async function findRun(runId: string): Promise<Run> {
    requireRunId(runId);
    const run = await runs(runId, async () => {
      const [row] = await read<{ run: Run }>("select run from nightshift.ledger_runs where id = $1", [runId]);
      return row?.run ?? null;
    });
    if (run === null) throw unknownRun(runId, place);
    return run;
  }

  async function readPlan(runId: string): Promise<Plan | null> {
    await findRun(runId);
    return plans(runId, async () => {
      const [row] = await read<{ plan: Plan }>("select plan from nightshift.ledger_plans where run_id = $1", [
        runId,
      ]);
      return row?.plan ?? null;
    });
  }

  async function countOf(runId: string): Promise<number> {
    const [row] = await read<{ partitions: number }>(
      "select partitions from nightshift.ledger_run_states where run_id = $1",
      [runId],
    );
    return row?.partitions ?? 0;
  }

  /** Yields rows by the index of their partition, in pages. */
  async function* pages<R extends { readonly index: number }>(sql: string, runId: string): AsyncGenerator<R> {
    for (let from = 0; ; ) {
      const rows = await read<R>(sql, [runId, from]);
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < partitionsAtOnce) return;
      from = last.index + 1;
    }
  }

  return {
    readPlan,

    async loadTask(ref) {
      const run = await findRun(ref.runId);
      const plan = await readPlan(ref.runId);
      const what = `load partition ${ref.partition}`;
      if (plan === null) throw illegal(ref.runId, what, "it has no plan");
      const [row] = await read<{ partition: Partition }>(
        "select partition from nightshift.ledger_planned_partitions where run_id = $1 and index = $2",
        [ref.runId, ref.partition],
      );
      if (row === undefined) throw illegal(ref.runId, what, `it has ${await countOf(ref.runId)} partitions`);
      return { run, ref, plan, partition: row.partition };
    },

    async readRun(runId) {
      requireRunId(runId);
      const [row] = await read<RunRow>(`${runSql} where r.id = $1`, [runId]);
      return row === undefined ? null : toRunState(row);
    },

    async *listRuns({ jobId, scope, jobName, trigger, statuses, before: beforeRun } = {}) {
      const wanted = `($1::text is null or r.job_id = $1) and ($2::text is null or r.scope = $2)
        and ($3::text is null or r.job_name = $3) and ($5::text is null or r.run->>'trigger' = $5)
        and ($6::text[] is null or s.status = any($6))
        and ($7::text is null or r.place < (select place from nightshift.ledger_runs where id = $7))`;
      const filter = [jobId ?? null, scope ?? null, jobName ?? null];
      const more = [trigger ?? null, statuses ?? null, beforeRun ?? null];
      let limit = firstRuns;
      for (let before: string | null = null; ; limit = runsAtOnce) {
        const rows: RunRow[] = await read<RunRow>(
          `${runSql} where ${wanted} and ($4::bigint is null or r.place < $4) order by r.place desc limit ${limit}`,
          [...filter, before, ...more],
        );
        for (const row of rows) yield toRunState(row);
        before = rows.at(-1)?.place ?? null;
        if (rows.length < limit) return;
      }
    },

    async readPartition(runId, partition) {
      await findRun(runId);
      const [row] = await read<PartitionRow>(`${partitionSql} where p.run_id = $1 and p.index = $2`, [
        runId,
        partition,
      ]);
      if (row === undefined)
        throw illegal(runId, `read partition ${partition}`, `it has ${await countOf(runId)}`);
      return toPartitionState(row);
    },

    async *listPartitions(runId) {
      await findRun(runId);
      const sql = `${partitionSql} where p.run_id = $1 and p.index >= $2 order by p.index limit ${partitionsAtOnce}`;
      for await (const row of pages<PartitionRow>(sql, runId)) yield toPartitionState(row);
    },

    async readPartitions(runId, partitions) {
      const sql = `${partitionSql} where p.run_id = $1 and p.index = any($2) order by p.index`;
      return (await read<PartitionRow>(sql, [runId, partitions])).map(toPartitionState);
    },

    async readChanged(runId, known) {
      const sql = `
        ${partitionSql} join unnest($2::int[], $3::bigint[], $4::text[]) k (index, epoch, status) on k.index = p.index
        where p.run_id = $1 and (p.epoch, p.status) is distinct from (k.epoch, k.status) order by p.index`;
      const columns = [
        known.map(({ index }) => index),
        known.map(({ epoch }) => epoch),
        known.map(({ status }) => status),
      ];
      return (await read<PartitionRow>(sql, [runId, ...columns])).map(toPartitionState);
    },

    async countPartitions(runId) {
      await findRun(runId);
      const rows = await read<{ status: PartitionStatus; count: number }>(
        "select status, count(*)::int as count from nightshift.ledger_partitions where run_id = $1 group by status",
        [runId],
      );
      return Object.fromEntries(rows.map(({ status, count }) => [status, count])) as PartitionCounts;
    },

    async readReceipts(runId) {
      const receipts: Receipt[] = [];
      const sql = `select index, receipt from nightshift.ledger_receipts
        where run_id = $1 and index >= $2 order by index limit ${partitionsAtOnce}`;
      for await (const row of pages<{ index: number; receipt: Receipt }>(sql, runId))
        receipts.push(row.receipt);
      return receipts;
    },

    async *changes(runId, signal) {
      yield* followRun(ledger, await findRun(runId), signal);
    },
  };
}

/** Caches the last few results by name, except `null`. */
function recent<T>(limit: number): (name: string, read: () => Promise<T | null>) => Promise<T | null> {
  const known = new Map<string, T>();
  return async (name, read) => {
    const found = known.get(name) ?? (await read());
    if (found === null) return null;
    known.delete(name);
    known.set(name, found);
    for (const oldest of known.keys()) {
      if (known.size <= limit) break;
      known.delete(oldest);
    }
    return found;
  };
}
