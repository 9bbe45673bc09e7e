/** `nightshift cancel`: a run whose owner lives, one whose owner is gone, one that has ended, and all running runs of a job. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import type * as Nightshift from "../../src/index.js";
import { cancelAsked } from "../support/cancel-requests.js";
import { dailyProject } from "../support/daily-project.js";
import { type FlightProject, flightProject, holding, keysBelow, keysIn } from "../support/flight-project.js";
import { jsonLinesOf, nightshift, startNightshift } from "../support/nightshift.js";

const { cancelRun, defineJob, runJob }: typeof Nightshift = await import(
  new URL("../../dist/index.js", import.meta.url).href
);
let project: Pick<FlightProject, "cwd" | "remove">;

afterEach(() => project.remove());

test("the owner is asked: it stops between chunks, keeps what is done, and retry scores only the rest", async () => {
  const flights = flightProject({ files: 4 });
  project = flights;
  const held = holding(flights.cwd, { role: "thread", path: "input/02", nth: 1 });
  const owner = flights.start(["run", "flights"], { env: held.env });
  await held.reached();
  const cancel = flights.start(["cancel", "flights"]);
  await cancelAsked(flights.cwd);
  // Time enough to see the request, on most machines; a run that does not stops before it publishes.
  await sleep(1_000);
  held.letGo();
  const { status, stdout, stderr } = await cancel.finished;
  expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
  expect(stderr).toMatch(
    /^flights-\S+ is cancelled: [234] partitions done and kept; .* retry flights-\S+ resumes it\n/,
  );
  const stopped = await owner.finished;
  expect(stopped.status).toBe(1);
  expect(stopped.stderr).toContain("cancelled: 1");
  expect(existsSync(flights.out)).toBe(false);

  expect(JSON.parse(flights.nightshift("status", "--json").stdout)).toMatchObject({
    status: "cancelled",
    shown: "cancelled",
    owner: null,
  });
  const again = flights.nightshift("cancel", "flights-");
  expect(again).toMatchObject({ status: 0, stderr: expect.stringContaining("was cancelled before") });

  const retried = flights.nightshift("retry", "--json");
  expect(retried.status).toBe(0);
  expect(jsonLinesOf(retried).at(-1)?.rowsScored).toBeLessThanOrEqual(100);
  expect(await keysIn(flights.out)).toEqual(keysBelow(flights.rows));
});

test("without an owner it is cancelled at once, and once it is published it cannot be", async () => {
  const flights = flightProject({ files: 2 });
  project = flights;
  const held = holding(flights.cwd, { role: "thread", path: "input/00", nth: 1 });
  const owner = flights.start(["run", "flights"], { env: held.env });
  await held.reached();
  owner.child.kill("SIGKILL");
  await owner.finished;
  const cancelled = flights.nightshift("cancel", "flights", "--json");
  expect(cancelled.status).toBe(0);
  expect(JSON.parse(cancelled.stdout)).toMatchObject({
    job: "flights",
    runs: [{ status: "cancelled", resumable: true, accepted: 0, owner: null }],
  });
  expect(flights.nightshift("run", "flights").status).toBe(0);
  const [run] = JSON.parse(flights.nightshift("ls", "runs", "--json").stdout);
  const late = flights.nightshift("cancel", run.run.id);
  expect(late).toMatchObject({ status: 2, stdout: "" });
  expect(late.stderr).toMatch(
    / is published as publication 1: it cannot be cancelled any more\n.*rollback flights\n/,
  );
  expect(flights.nightshift("cancel", "flights")).toMatchObject({
    status: 0,
    stderr: "no run of flights is running\nno further backfill intervals of flights will start\n",
  });
});

test("what is no run and no job is said to be neither", () => {
  const flights = flightProject({ files: 1 });
  project = flights;
  expect(flights.nightshift("cancel", "nothing")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("no run is recorded in"),
  });
});

test("an owner that does not stop in time was asked nevertheless", async () => {
  const flights = flightProject({ files: 2 });
  project = flights;
  const held = holding(flights.cwd, { role: "thread", path: "input/01", nth: 1 });
  const owner = flights.start(["run", "flights"], { env: held.env });
  await held.reached();
  const cancel = flights.nightshift("cancel", "flights", "--wait", "1s");
  expect(cancel.status).toBe(1);
  expect(cancel.stderr).toContain(`process ${owner.child.pid} on`);
  expect(cancel.stderr).toContain("was asked to stop, and has not stopped yet");
  held.letGo();
  expect((await owner.finished).status).toBe(1);
  expect(JSON.parse(flights.nightshift("status", "--json").stdout).status).toBe("cancelled");
});

test("a backfill of the job starts no more intervals, and started again does what is left", async () => {
  const daily = dailyProject("2025-03-01", 5);
  project = daily;
  const range = ["backfill", "daily", "--from", "2025-03-01", "--to", "2025-03-05", "--json"];
  const held = holding(daily.cwd, { role: "thread", path: "dt=2025-03-03", nth: 1 });
  const backfill = startNightshift(daily.cwd, range, { env: held.env });
  await held.reached();
  const cancel = startNightshift(daily.cwd, ["cancel", "daily", "--json"]);
  await cancelAsked(daily.cwd);
  held.letGo();
  const cancelled = await cancel.finished;
  expect(cancelled.status).toBe(0);
  expect(JSON.parse(cancelled.stdout).runs).toMatchObject([{ status: "cancelled" }]);
  const stopped = await backfill.finished;
  expect(stopped.status).toBe(1);
  expect(jsonLinesOf(stopped).at(-1)).toMatchObject({ done: 2, failed: 0, left: 3, cancelled: true });
  const grid = nightshift(daily.cwd, "status", "--job", "daily", "--to", "2025-03-05").stdout;
  expect(grid).toContain("2025-03  ■■/··");
  expect(grid).toContain("/ 1 cancelled");
  const again = nightshift(daily.cwd, ...range);
  expect(again.status).toBe(0);
  expect(jsonLinesOf(again).at(-1)).toMatchObject({ done: 3, left: 0, cancelled: false });
});

test("the library cancels a run of another process, and of its own", async () => {
  const flights = flightProject({ files: 4 });
  project = flights;
  const stateDir = join(flights.cwd, "state");
  const job = defineJob(
    {
      version: 1,
      name: "scores",
      model: "model.onnx",
      input: { from: "input/*.parquet", key: ["flight_id"] },
      write: { to: "out", mode: "replace" },
      limits: { partition_rows: 50, threads: 1 },
    },
    { cwd: flights.cwd },
  );
  const run = runJob(job, { stateDir });
  let cancelling: Promise<Nightshift.CancelOutcome> | null = null;
  for await (const event of run)
    if (event.type === "partition.started") cancelling ??= cancelRun(event.runId, { stateDir });
  const { status, error } = await run.outcome;
  const told = await cancelling;
  // A small run may be published before it sees the request.
  if (told?.status === "published") expect(status).toBe("published");
  else {
    expect(told).toMatchObject({ status: "cancelled", resumable: true });
    expect({ status, code: error?.code }).toEqual({ status: "cancelled", code: "cancelled.run" });
  }
  await expect(cancelRun("none", { stateDir })).rejects.toMatchObject({ code: "usage.unknown-run" });
});
