/** A worker computes a plan's digest again: one that was changed in the ledger's tables scores nothing. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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

/** A hook that leaves a trace. Its bytes lie where workers take assets from. */
async function storedHook(): Promise<{
  readonly sha256: string;
  readonly size: number;
  readonly ran: string;
}> {
  const ran = join(fleet.project.cwd, "hook-ran");
  const text = `import { writeFileSync } from "node:fs";\nwriteFileSync(${JSON.stringify(ran)}, "");\nexport default () => ({});\n`;
  const bytes = Buffer.from(text);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const hex = bytes.toString("hex");
  await fleet.database.query(
    `insert into nightshift.ledger_assets (sha256, bytes) values ('${sha256}', ${bytes.length});
     insert into nightshift.ledger_asset_blocks (sha256, block, body) values ('${sha256}', 0, '\\x${hex}');
     insert into nightshift.ledger_run_assets (run_id, sha256) select run_id, '${sha256}' from nightshift.ledger_plans`,
  );
  return { sha256, size: bytes.length, ran };
}

/** The plan is changed before any worker sees it. */
async function change(changed: string): Promise<void> {
  await fleet.database.query(`update nightshift.ledger_plans set plan = (${changed})::json`);
  await fleet.worker();
}

test.each([
  ["another input", `jsonb_set(plan::jsonb, '{job,input,from}', '["/elsewhere"]')`],
  ["a column that is added", `jsonb_set(plan::jsonb, '{job,write,add}', '{"v": 1}')`],
  ["the mapping", `jsonb_set(plan::jsonb, '{mapping,inputs}', '[]')`],
  ["the profile", `jsonb_set(plan::jsonb, '{profile,batchRows}', '7')`],
  ["another input, and no digest", `jsonb_set(plan::jsonb - 'digest', '{job,input,from}', '["/elsewhere"]')`],
])("%s", async (_what, changed) => {
  const run = fleet.run();
  await handedOut();
  await change(changed);
  const { status, stdout, stderr } = await run.finished;
  expect(status, stderr).not.toBe(0);
  expect(stdout + stderr).toContain('"refused.plan-changed"');
  expect(existsSync(fleet.project.out)).toBe(false);
});

test("a hook whose bytes lie in the ledger", async () => {
  const run = fleet.run();
  await handedOut();
  const { sha256, size, ran } = await storedHook();
  const asset = JSON.stringify([{ role: "pre-hook", path: "/hook.mjs", size, sha256 }]);
  const hooks = JSON.stringify([{ role: "pre-hook", reads: [], adds: [] }]);
  await change(
    `jsonb_set(jsonb_set(plan::jsonb, '{assets}', (plan::jsonb -> 'assets') || '${asset}'), '{hooks}', '${hooks}')`,
  );
  const { status, stdout, stderr } = await run.finished;
  expect(status, stderr).not.toBe(0);
  expect(stdout + stderr).toContain('"refused.plan-changed"');
  expect([existsSync(ran), existsSync(fleet.project.out)]).toEqual([false, false]);
});

test("a plan with a check is not taken for a changed one: workers do without the check's file", async () => {
  const { project } = fleet;
  const spec = join(project.cwd, "jobs/flights.yaml");
  const text = readFileSync(spec, "utf8");
  writeFileSync(spec, `${text}passthrough: all\n`);
  expect(project.nightshift("run", "flights").status).toBe(0);
  const [first] = readdirSync(`${project.out}/`, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".parquet"),
  );
  renameSync(join(project.out, first ?? ""), join(project.cwd, "expected.parquet"));
  writeFileSync(spec, `${text.replace("../out", "../checked")}check: ../expected.parquet\n`);
  const run = fleet.run();
  await fleet.worker();
  const { status, stderr } = await run.finished;
  expect(status, stderr).toBe(0);
});
