/** Over a queue, coordinators count runs and rows, workers attempts; nothing is counted by both. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { readExposition } from "../support/exposition.js";
import { type Fleet, queueFleet } from "../support/queue-fleet.js";

let fleet: Fleet | null = null;
afterEach(async () => {
  await fleet?.remove();
  fleet = null;
});

test("a coordinator and its worker share what there is to count", async () => {
  fleet = await queueFleet("postgres", { files: 3 });
  const { project } = fleet;
  const worker = await fleet.worker({ argv: ["--metrics-listen", "0"] });
  const { url } = await worker.said({ type: "metrics.listening" });

  const pushed = join(project.cwd, "run.prom");
  expect(await fleet.run({ argv: ["--metrics-file", pushed] }).finished).toMatchObject({ status: 0 });
  const ofRun = readExposition(readFileSync(pushed, "utf8"));
  const ofWorker = readExposition(await (await fetch(String(url))).text());
  const accepted = { outcome: "accepted" };
  expect(ofWorker.value("nightshift_partition_attempts_total", accepted)).toBe(3);
  expect(ofRun.value("nightshift_partition_attempts_total", accepted)).toBeUndefined();
  expect(ofWorker.value("nightshift_host_restarts_total", { reason: "memory" })).toBe(0);
  expect(ofRun.value("nightshift_rows_read_total", { job: "flights" })).toBe(project.rows);
  expect(ofWorker.value("nightshift_rows_read_total")).toBeUndefined();
  expect(ofRun.value("nightshift_runs_total", { status: "published" })).toBe(1);
  expect(ofWorker.value("nightshift_model_load_seconds_count")).toBe(1);
  expect(ofRun.value("nightshift_model_load_seconds_count")).toBe(0);
  expect(ofWorker.value("nightshift_queue_pending", { queue: "cpu-scheduled" })).toBe(0);
  // How fresh a job is comes from the service that serves it, and from nowhere else.
  expect(ofWorker.value("nightshift_job_last_success_timestamp_seconds", { job: "flights" })).toBeUndefined();
});
