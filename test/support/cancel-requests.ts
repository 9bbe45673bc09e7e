import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestDatabase } from "./postgres-server.js";

/** Resolves once the request to cancel is beside a run's journal. */
export async function cancelAsked(cwd: string): Promise<void> {
  const runs = join(cwd, ".nightshift/runs");
  while (!readdirSync(runs, { recursive: true }).some((name) => /cancel\.\d+$/.test(String(name))))
    await sleep(10);
}

/** The same where runs are recorded in a database. */
export async function cancelAskedAt(database: TestDatabase): Promise<void> {
  const sql = "select 1 from nightshift.ledger_run_states where cancel_requested_of is not null";
  while ((await database.query(sql)).length === 0) await sleep(10);
}
