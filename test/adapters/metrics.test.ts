import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { noStats } from "../../src/job/partition.js";
import type { RunEvent } from "../../src/job/run-events.js";
import { createMetrics, type Metrics } from "../../src/observers/metrics/metrics.js";
import { serveMetrics } from "../../src/observers/metrics/metrics-server.js";
import { pushMetrics, pushTarget, writeMetrics } from "../../src/observers/metrics/push.js";
import type { RunEnd } from "../../src/observers/observer.js";
import { readExposition } from "../support/exposition.js";
import { httpReceiver, type Receiver, refusingUrl } from "../support/http-receiver.js";
import { planned, published, runEvent } from "../support/run-events.js";

let nowMs = 0;
const clock = { now: () => new Date("2026-01-16T03:00:00Z"), monotonicMs: () => nowMs };
const rows = { read: 100, predicted: 97, quarantined: 3, filtered: 0 };
const stats = {
  seconds: { ...noStats.seconds, read: 0.5, predict: 2 },
  bytesRead: 4096,
  bytesWritten: 1024,
  modelLoadSeconds: 0.2,
};
const started = runEvent({
  ...{ type: "run.started", job: "flights", trigger: "schedule", interval: null, resumed: false },
});
const accepted = (partition: number) =>
  runEvent({ type: "partition.accepted", partition, epoch: 1, attemptId: "a", rows, stats });
const end = (status: RunEnd["status"], seconds = 12): RunEnd => ({
  ...{ at: "2026-01-16T03:00:00Z", job: "flights", interval: null, trigger: "schedule", target: "/out" },
  ...{ runId: "r1", status, rows, seconds, error: null },
});
const read = async (metrics: Metrics) => readExposition((await metrics.metrics()).body);

beforeEach(() => {
  nowMs = 0;
});

test("rows that are older than those of the table are not counted as written", async () => {
  const metrics = createMetrics({ clock });
  metrics.observer.on(started);
  const changes = { inserted: 10, updated: 20, unchanged: 30, older: 37, deleted: 5 };
  metrics.observer.on({ ...published, rows, changes } as RunEvent);
  expect((await read(metrics)).value("nightshift_rows_written_total")).toBe(60);
});

test("a run counts its rows, bytes, steps, attempts and its end", async () => {
  const metrics = createMetrics({ clock });
  const { observer } = metrics;
  observer.on(started);
  observer.on({
    ...planned,
    seconds: 1.5,
    model: { name: "m.onnx", sha256: "6d77", engine: "onnxruntime" },
  } as RunEvent);
  observer.on(accepted(0));
  observer.on(accepted(1));
  observer.on(runEvent({ type: "run.publishing", rows }));
  observer.on({
    ...published,
    at: "2026-01-15T02:15:03.000Z",
    rows: { ...rows, predicted: 194 },
  } as RunEvent);
  observer.ended?.(end("published"));
  const exposed = await read(metrics);
  expect(
    Object.fromEntries(
      [...exposed.samples].filter(([, value]) => value > 0).filter(([name]) => !name.includes("_bucket")),
    ),
  ).toEqual({
    'nightshift_rows_read_total{job="flights"}': 200,
    'nightshift_rows_predicted_total{job="flights"}': 194,
    'nightshift_rows_quarantined_total{job="flights"}': 6,
    'nightshift_rows_written_total{job="flights"}': 194,
    'nightshift_bytes_read_total{job="flights"}': 8192,
    'nightshift_bytes_written_total{job="flights"}': 2048,
    'nightshift_step_duration_seconds_sum{step="plan"}': 1.5,
    'nightshift_step_duration_seconds_count{step="plan"}': 1,
    'nightshift_step_duration_seconds_sum{step="read"}': 1,
    'nightshift_step_duration_seconds_sum{step="predict"}': 4,
    ...Object.fromEntries(
      ["read", "hook", "bind", "predict", "attach", "write", "stage"].map((step) => [
        `nightshift_step_duration_seconds_count{step="${step}"}`,
        2,
      ]),
    ),
    'nightshift_step_duration_seconds_sum{step="publish"}': 3,
    'nightshift_step_duration_seconds_count{step="publish"}': 1,
    'nightshift_partition_attempts_total{outcome="accepted"}': 2,
    nightshift_model_load_seconds_sum: 0.4,
    nightshift_model_load_seconds_count: 2,
    'nightshift_model_info{model="m.onnx",sha256="6d77",engine="onnxruntime",provider="cpu"}': 1,
    'nightshift_runs_total{job="flights",trigger="schedule",status="published"}': 1,
    'nightshift_run_duration_seconds_sum{job="flights"}': 12,
    'nightshift_run_duration_seconds_count{job="flights"}': 1,
  });
});

test("attempts are counted by how they ended", async () => {
  const { attempt, ...metrics } = createMetrics({ clock });
  const error = {
    kind: "data",
    code: "data.row-failed",
    message: "",
    retryable: false,
    details: {},
  } as const;
  const failed = {
    type: "partition.failed",
    partition: 0,
    epoch: 1,
    attemptId: "a",
    next: "pending",
  } as const;
  attempt({ ...failed, error });
  attempt({ ...failed, error: { ...error, kind: "infra", code: "infra.host-died" } });
  attempt({ ...failed, error: { ...error, kind: "cancelled", code: "cancelled" } });
  const fenced = { type: "partition.fenced", partition: 0, epoch: 1, attemptId: "a" } as const;
  attempt({ ...fenced, refused: "start" });
  attempt({ ...fenced, refused: "receipt" });
  attempt({ ...fenced, refused: "failure" });
  attempt({ type: "host.died", reason: "it held 4 GB", cause: "memory", partitions: [0] });
  const exposed = readExposition((await metrics.metrics()).body);
  const outcome = (of: string) => exposed.value("nightshift_partition_attempts_total", { outcome: of });
  expect([outcome("failed"), outcome("host-died"), outcome("released"), outcome("fenced")]).toEqual([
    1, 1, 1, 2,
  ]);
  expect(exposed.value("nightshift_receipts_fenced_total")).toBe(1);
  expect(exposed.value("nightshift_host_restarts_total", { reason: "memory" })).toBe(1);
});

test("where workers make the attempts, the coordinator counts rows and leaves attempts to them", async () => {
  const metrics = createMetrics({ clock, attemptsElsewhere: true });
  metrics.observer.on(started);
  metrics.observer.on(accepted(0));
  const exposed = await read(metrics);
  expect(exposed.value("nightshift_rows_read_total")).toBe(100);
  expect(exposed.value("nightshift_partition_attempts_total", { outcome: "accepted" })).toBeUndefined();
  expect(exposed.value("nightshift_model_load_seconds_count")).toBe(0);
});

test("freshness is the ledger's, read again after a run and every quarter of a minute", async () => {
  const asked: number[] = [];
  const job = { job: "flights", lastSuccess: "2026-01-16T02:16:00Z", freshSince: "2026-01-16T00:00:00Z" };
  const freshness = async () => {
    asked.push(nowMs);
    return [job];
  };
  const metrics = createMetrics({ clock, freshness });
  const exposed = await read(metrics);
  expect(exposed.value("nightshift_job_freshness_seconds", { job: "flights" })).toBe(3 * 3600);
  expect(exposed.value("nightshift_job_last_success_timestamp_seconds", { job: "flights" })).toBe(
    Date.parse("2026-01-16T02:16:00Z") / 1000,
  );
  await read(metrics);
  expect(asked).toEqual([0]);
  metrics.observer.ended?.(end("published"));
  await read(metrics);
  nowMs = 15_000;
  await read(metrics);
  expect(asked).toEqual([0, 0, 15_000]);
});

test("a queue that does not answer costs its own metric only, and is logged once", async () => {
  const troubles: string[] = [];
  let answer = async (): Promise<{ readonly [queue: string]: number }> => ({ partitions: 7 });
  const metrics = createMetrics({
    clock,
    pending: () => answer(),
    onTrouble: (what) => void troubles.push(what),
  });
  expect((await read(metrics)).value("nightshift_queue_pending", { queue: "partitions" })).toBe(7);
  answer = async () => {
    throw new Error("gone");
  };
  expect((await read(metrics)).value("nightshift_queue_pending")).toBeUndefined();
  await read(metrics);
  expect(troubles).toEqual(["the queue"]);
});

test("metrics that are pushed or written to a file leave out what is true only now", async () => {
  const job = { job: "flights", lastSuccess: "2026-01-16T02:16:00Z", freshSince: "2026-01-16T00:00:00Z" };
  const metrics = createMetrics({
    clock,
    freshness: async () => [job],
    pending: async () => ({ partitions: 7 }),
  });
  await metrics.metrics();
  const kept = readExposition((await metrics.lasting()).body);
  expect(kept.value("nightshift_job_last_success_timestamp_seconds")).toBeGreaterThan(0);
  expect(kept.value("nightshift_job_freshness_seconds")).toBeUndefined();
  expect(kept.value("nightshift_queue_pending")).toBeUndefined();
});

test("GET /metrics and GET /healthz are served, and nothing else", async () => {
  const metrics = createMetrics({ clock });
  const server = await serveMetrics({ host: "127.0.0.1", port: 0 }, metrics.metrics);
  try {
    const answer = await fetch(server.url);
    expect(answer.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(readExposition(await answer.text()).families).toContain("nightshift_runs_total");
    expect((await fetch(new URL("/healthz", server.url))).status).toBe(200);
    expect((await fetch(new URL("/", server.url))).status).toBe(404);
    expect((await fetch(server.url, { method: "POST" })).status).toBe(405);
    const port = Number(new URL(server.url).port);
    await expect(serveMetrics({ host: "127.0.0.1", port }, metrics.metrics)).rejects.toMatchObject({
      code: "infra.cannot-listen",
    });
  } finally {
    await server.close();
  }
});

const exposition = { contentType: "text/plain; version=0.0.4", body: "nightshift_x 1\n" };
let receiver: Receiver;
beforeEach(async () => {
  receiver = await httpReceiver();
});
afterEach(() => receiver.close());

test("a push goes to the job's group, or to one that is named, with the URL's credentials", async () => {
  await pushMetrics(pushTarget(receiver.url, "flights"), exposition);
  const { host } = new URL(receiver.url);
  await pushMetrics(pushTarget(`http://me:p%40ss@${host}/behind/proxy/nights`, "flights"), exposition);
  expect(receiver.received).toMatchObject([
    { method: "POST", path: "/metrics/job/flights", body: exposition.body },
    {
      path: "/behind/proxy/metrics/job/nights",
      headers: { authorization: `Basic ${Buffer.from("me:p@ss").toString("base64")}` },
    },
  ]);
  expect(pushTarget(`http://me:p%40ss@${host}/nights`, "flights").place).toBe(`http://${host}`);
  expect(() => pushTarget("localhost:9091", "flights")).toThrow(/not a URL/);
});

test("a push that fails says why", async () => {
  receiver.answer(500);
  await expect(pushMetrics(pushTarget(receiver.url, "flights"), exposition)).rejects.toThrow(
    "it answered 500",
  );
  const refusing = pushTarget(await refusingUrl(), "flights");
  await expect(pushMetrics(refusing, exposition)).rejects.toThrow("ECONNREFUSED");
});

test("a file of metrics is whole whenever it is there", async () => {
  const directory = mkdtempSync(join(tmpdir(), "nightshift-metrics-"));
  try {
    const path = join(directory, "nightshift.prom");
    await writeMetrics(path, { ...exposition, body: "before\n" });
    await writeMetrics(path, exposition);
    expect(readFileSync(path, "utf8")).toBe(exposition.body);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
