/** Metrics of real runs: pushed, written, and served. */
import { cpSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dailyProject } from "../support/daily-project.js";
import { readExposition } from "../support/exposition.js";
import { crashing, type FlightProject, flightProject } from "../support/flight-project.js";
import { httpReceiver, refusingUrl } from "../support/http-receiver.js";
import { nightshift, startNightshift } from "../support/nightshift.js";
import { createDatabase } from "../support/postgres-server.js";
import { serveIn, stop } from "../support/served.js";

let project: FlightProject;
beforeEach(() => {
  project = flightProject({ files: 4, rowsAFile: 25 });
});
afterEach(() => project.remove());

const written = () => readExposition(readFileSync(join(project.cwd, "night.prom"), "utf8"));

test("a resumed run counts each row once over both processes, and the hosts that died in the first", () => {
  const file = ["--metrics-file", "night.prom"];
  // Kills its host whenever it is read: in the end no attempt reads it, and the run fails.
  const crash = crashing({ role: "thread", path: project.inputPath(3), nth: 1 });
  expect(project.nightshiftWith(crash, "run", "flights", ...file).status).toBe(1);
  const first = written();
  expect(first.value("nightshift_runs_total", { job: "flights", trigger: "cli", status: "failed" })).toBe(1);
  const before = first.value("nightshift_rows_read_total") ?? 0;
  expect(before).toBe(project.rows - 25);
  expect(first.value("nightshift_rows_written_total")).toBe(0);
  expect(first.value("nightshift_job_last_success_timestamp_seconds")).toBeUndefined();
  // At most once beside others, then three times alone.
  const deaths = first.value("nightshift_host_restarts_total", { reason: "signal" });
  expect(deaths).toBeGreaterThanOrEqual(3);
  const outcomes = (outcome: string) => first.value("nightshift_partition_attempts_total", { outcome });
  expect([outcomes("host-died"), outcomes("accepted")]).toEqual([deaths, project.files - 1]);

  expect(project.nightshift("retry", ...file).status).toBe(0);
  const second = written();
  expect(second.value("nightshift_rows_read_total")).toBe(25);
  expect(second.value("nightshift_rows_written_total")).toBe(project.rows);
  expect(second.value("nightshift_runs_total", { status: "published" })).toBe(1);
  expect(second.value("nightshift_job_last_success_timestamp_seconds")).toBeGreaterThan(1.7e9);
  expect(second.value("nightshift_model_load_seconds_count")).toBe(1);
  expect(second.value("nightshift_bytes_read_total")).toBeGreaterThan(0);
  expect(second.value("nightshift_model_info", { model: "model.onnx", provider: "cpu" })).toBe(1);
});

test("metrics are pushed when a run is over, also of one that never began; a gateway that is gone fails no run", async () => {
  const gateway = await httpReceiver();
  try {
    const env = { NIGHTSHIFT_METRICS_PUSH: gateway.url };
    const run = await startNightshift(project.cwd, ["run", "flights"], { env }).finished;
    expect(run.status).toBe(0);
    expect(gateway.received).toMatchObject([{ method: "POST", path: "/metrics/job/flights" }]);
    expect(readExposition(gateway.received[0]?.body ?? "").value("nightshift_rows_written_total")).toBe(100);

    rmSync(join(project.cwd, "input"), { recursive: true });
    await startNightshift(project.cwd, ["run", "flights", "--reprocess"], { env }).finished;
    const pushed = readExposition(gateway.received[1]?.body ?? "");
    expect(pushed.value("nightshift_runs_total", { status: "failed" })).toBe(1);
  } finally {
    await gateway.close();
  }
  const refused = await refusingUrl();
  const { status, stderr } = project.nightshift("run", "flights", "--metrics-push", refused);
  expect(status).toBe(2);
  expect(stderr).toContain(`warning: metrics could not be pushed to ${refused}: connect ECONNREFUSED`);
  expect(project.nightshift("run", "flights", "--metrics-push", "localhost").stderr).toContain(
    "the address to push metrics to is not a URL",
  );
});

test("a service exports the freshness of the jobs that it serves, published by any process, and of no ad-hoc run", async () => {
  const daily = dailyProject("2025-01-01", 2);
  daily.writeSpec({ more: ['schedule: { cron: "15 2 * * *" }'] });
  expect(nightshift(daily.cwd, "run", "daily", "--at", "2025-01-01").status).toBe(0);
  // Its name is the model's; a copy that is named like the job is still no run of the job.
  cpSync(join(daily.cwd, "model.onnx"), join(daily.cwd, "daily.onnx"));
  for (const model of ["model.onnx", "daily.onnx"]) {
    const argv = ["score", model, daily.inputPath("2025-01-02"), "--key", "flight_id"];
    expect(nightshift(daily.cwd, ...argv, "-o", `of-${model}/`).status).toBe(0);
  }
  const scrape = async () => {
    const served = serveIn(daily.cwd, {}, "--metrics-listen", "0");
    const listening = await served.until("metrics.listening");
    const exposed = readExposition(await (await fetch(String(listening?.url))).text());
    expect(await stop(served)).toBe(0);
    return exposed;
  };
  try {
    const age = (Date.now() - Date.parse("2025-01-02T00:00:00Z")) / 1000;
    const first = await scrape();
    expect(first.value("nightshift_job_freshness_seconds", { job: "daily" })).toBeGreaterThan(age - 60);
    expect(first.value("nightshift_job_freshness_seconds", { job: "model" })).toBeUndefined();
    const [listed] = JSON.parse(nightshift(daily.cwd, "ls", "jobs", "--json").stdout);
    expect(Math.abs(listed.freshnessSeconds - age)).toBeLessThan(60);
    expect(nightshift(daily.cwd, "run", "daily", "--at", "2025-01-02").status).toBe(0);
    const again = await scrape();
    expect(again.value("nightshift_job_freshness_seconds", { job: "daily" })).toBeLessThan(age - 86_000);
    expect(again.value("nightshift_job_last_success_timestamp_seconds")).toBeGreaterThan(1.7e9);
  } finally {
    daily.remove();
  }
});

test.each(["journal", "database"])(
  "after a rollback the metrics and ls agree how fresh a job is: %s",
  async (kind) => {
    const database = kind === "database" ? await createDatabase() : null;
    const env: { readonly [name: string]: string } =
      database === null ? {} : { NIGHTSHIFT_LEDGER: database.url };
    const ledger = database === null ? [] : ["--ledger", database.url];
    const daily = dailyProject("2025-01-01", 2);
    daily.writeSpec({ more: ['schedule: { cron: "15 2 * * *" }'] });
    const status = (...argv: readonly string[]) => nightshift(daily.cwd, ...argv, ...ledger).status;
    /** The day since when predictions are fresh, by the metrics and by the list. */
    const freshSince = async () => {
      const served = serveIn(daily.cwd, env, "--metrics-listen", "0");
      const listening = await served.until("metrics.listening");
      const exposed = readExposition(await (await fetch(String(listening?.url))).text());
      const [listed] = JSON.parse(nightshift(daily.cwd, "ls", "jobs", "--json", ...ledger).stdout);
      expect(await stop(served)).toBe(0);
      const ages = [
        exposed.value("nightshift_job_freshness_seconds", { job: "daily" }),
        listed.freshnessSeconds,
      ];
      return ages.map((age) => dayOf(Date.now() - age * 1000));
    };
    try {
      if (database !== null) expect(status("migrate", database.url)).toBe(0);
      for (const day of daily.days) expect(status("run", "daily", "--at", day)).toBe(0);
      expect(await freshSince()).toEqual(["2025-01-03", "2025-01-03"]);
      expect(status("rollback", "daily")).toBe(0);
      expect(await freshSince()).toEqual(["2025-01-02", "2025-01-02"]);
    } finally {
      daily.remove();
      await database?.drop();
    }
  },
);

/** The midnight nearest to an instant, as a date: what took seconds to ask makes no difference. */
function dayOf(ms: number): string {
  return new Date(Math.round(ms / 86_400_000) * 86_400_000).toISOString().slice(0, 10);
}
