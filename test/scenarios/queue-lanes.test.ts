/** Over a queue: jobs that ask for workers with a tag, and runs that are cancelled while workers are at them. */
import { appendFileSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { dailyProject } from "../support/daily-project.js";
import { holding, keysBelow, keysIn } from "../support/flight-project.js";
import { jsonLinesOf } from "../support/nightshift.js";
import { type Fleet, queueFleet } from "../support/queue-fleet.js";

let fleet: Fleet;

afterEach(() => fleet.remove());

test("a job that asks for a tag waits for a worker that has it, and says so; others leave it alone", async () => {
  fleet = await queueFleet("redis", { files: 2 });
  const { project } = fleet;
  appendFileSync(join(project.cwd, "jobs/flights.yaml"), "runs_on: gpu\n");
  const usual = await fleet.worker();
  const run = fleet.run({ argv: ["--lane", "backfill"] });
  const warned = new Promise<string>((resolve) => {
    run.child.stderr?.on("data", (text: string) => {
      if (text.includes("start one with")) resolve(text);
    });
  });
  const warning = await warned;
  expect(warning).toMatch(
    /^(warning: )?flights-\S+ waits: no worker is there .* the tag gpu in the lane backfill\n/,
  );
  expect(warning).toContain(`(${usual.child.pid}): cpu; events, scheduled, backfill`);
  expect(warning).toContain("nightshift worker --tags gpu");
  const able = await fleet.worker({ argv: ["--tags", "gpu"] });
  expect((await run.finished).status).toBe(0);
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
  expect(able.events.filter(({ type }) => type === "partition.accepted")).toHaveLength(2);
  expect(usual.events.filter(({ type }) => type !== "worker.ready")).toEqual([]);
});

test("a run is cancelled from elsewhere: its worker stops for it, and retry does the rest", async () => {
  fleet = await queueFleet("redis", { files: 3 });
  const { project, database } = fleet;
  const held = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
  const worker = await fleet.worker({ env: held.env });
  const run = fleet.run();
  await held.reached();
  const state = mkdtempSync(join(project.cwd, ".state-"));
  const cancel = project.nightshiftWith(
    { NIGHTSHIFT_LEDGER: database.url },
    "cancel",
    "flights",
    "--state",
    state,
  );
  expect(cancel).toMatchObject({ status: 0, stderr: expect.stringContaining("1 partition done and kept") });
  const cancelled = await run.finished;
  expect(cancelled.status).toBe(1);
  expect(jsonLinesOf(cancelled).at(-1)).toMatchObject({
    status: "cancelled",
    error: { code: "cancelled.run" },
  });
  // What it still reports is refused.
  held.letGo();
  await worker.said({ type: "partition.fenced", partition: 1 });
  expect((await fleet.retry().finished).status).toBe(0);
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});

test("retry keeps the lane of the run", async () => {
  fleet = await queueFleet("redis", { files: 2 });
  const { project } = fleet;
  const run = fleet.run({ argv: ["--lane", "events"] });
  const isLeased = () =>
    fleet.database.query("select 1 from nightshift.ledger_partitions where status = 'leased'");
  while ((await isLeased()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  run.child.kill("SIGKILL");
  await run.finished;
  await fleet.redis?.flush();
  // This worker takes nothing of the usual lane.
  await fleet.worker({ argv: ["--lanes", "events"] });
  expect((await fleet.retry().finished).status).toBe(0);
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});

test("backfill takes --queue; its coordinator says what of the limits workers do not apply", async () => {
  fleet = await queueFleet("redis", { files: 1 });
  const daily = dailyProject("2025-01-01", 2);
  try {
    const worker = await fleet.worker();
    const argv = ["backfill", "daily", "--from", "2025-01-01", "--to", "2025-01-02"];
    const backfill = fleet.coordinator(daily.cwd, argv, {
      argv: ["--queue", fleet.queueUrl],
      env: { NIGHTSHIFT_QUEUE: "" },
    });
    const { status, stderr } = await backfill.finished;
    expect({ status, keys: await keysIn(daily.out) }).toEqual({ status: 0, keys: keysBelow(10) });
    expect(worker.events.filter(({ type }) => type === "partition.accepted")).toHaveLength(2);
    // Once, however many intervals there are.
    expect(stderr.match(/limits\.threads.*--threads 1/g)).toHaveLength(1);
    expect(stderr).not.toContain("limits.memory");
  } finally {
    daily.remove();
  }
});
