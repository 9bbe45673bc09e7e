/** A worker computes a plan's fingerprint again: one that was changed in the ledger's tables scores nothing. */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Fleet, queueFleet } from "../support/queue-fleet.js";

let fleet: Fleet;
beforeEach(async () => {
  fleet = await queueFleet("postgres", { files: 1 });
});
afterEach(() => fleet.remove());

async function handedOut(): Promise<void> {
  for (;;) {
    const found = await fleet.database.query(
      "select 1 from nightshift.ledger_partitions where status = 'leased'",
    );
    if (found.length > 0) return;
    await sleep(20);
  }
}

test.each([
  ["another input", `jsonb_set(plan::jsonb, '{job,input,from}', '["/elsewhere"]')`],
  ["a column that is added", `jsonb_set(plan::jsonb, '{job,write,add}', '{"v": 1}')`],
])("%s", async (_what, changed) => {
  const run = fleet.run();
  await handedOut();
  await fleet.database.query(`update nightshift.ledger_plans set plan = (${changed})::json`);
  await fleet.worker();
  const { status, stdout, stderr } = await run.finished;
  expect(status, stderr).not.toBe(0);
  expect(stdout + stderr).toContain('"refused.plan-changed"');
  expect(existsSync(fleet.project.out)).toBe(false);
});
