/** Logs: every line says what it is and when, and whose run, partition, epoch and attempt it is about; as NDJSON and as text. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { runEventOf, workerJson } from "../../src/cli/working/worker-text.js";
import type { WorkerEvent } from "../../src/worker/queue-worker.js";
import { type DailyProject, dailyProject } from "../support/daily-project.js";
import { logLinesIn } from "../support/log-lines.js";
import { jsonLinesOf, nightshift, type RunLine, said, startNightshift } from "../support/nightshift.js";
import { queueFleet } from "../support/queue-fleet.js";
import { clockAt, followedHereSince, serveIn, stop } from "../support/served.js";

let project: DailyProject;
beforeEach(() => {
  project = dailyProject("2025-01-01", 3);
});
afterEach(() => project.remove());

function expectTold(lines: readonly RunLine[]): void {
  for (const line of lines) {
    expect(line).toMatchObject({ type: expect.any(String) });
    expect(line.loggedAt ?? line.at).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    if (/^run\./.test(line.type)) expect(line.runId, line.type).toMatch(/^daily-/);
    if (/^partition\./.test(line.type))
      expect(line).toMatchObject({
        ...{ runId: expect.stringMatching(/^daily-/), partition: 0, epoch: 1 },
        attemptId: expect.stringMatching(/^[\da-f-]{36}$/),
      });
    if (/^tick\./.test(line.type)) expect(line.job).toBe("daily");
  }
}
/** What is said to people stands between. */
const eventsIn = (stderr: string): readonly RunLine[] =>
  stderr
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
const typesOf = (lines: readonly RunLine[]) => new Set(lines.map(({ type }) => type));

test("of run and backfill", () => {
  const run = jsonLinesOf(nightshift(project.cwd, "run", "daily", "--at", "2025-01-01", "--json"));
  expectTold(run);
  expect(typesOf(run)).toContain("partition.accepted");
  expect(run.find(({ type }) => type === "partition.accepted")).toMatchObject({
    stats: { bytesRead: expect.any(Number), seconds: { predict: expect.any(Number) } },
  });
  const range = ["--from", "2025-01-01", "--to", "2025-01-03"];
  const backfill = jsonLinesOf(nightshift(project.cwd, "backfill", "daily", ...range, "--json"));
  expectTold(backfill);
  expect([...typesOf(backfill)]).toEqual(
    expect.arrayContaining(["interval.decided", "partition.started", "interval.outcome", "backfill.outcome"]),
  );
});

test("on stderr, where stdout is the outcome's", () => {
  const argv = ["run", "daily", "--at", "2025-01-01", "--progress", "json"];
  const { stdout, stderr } = nightshift(project.cwd, ...argv);
  expect(stdout).toBe("");
  const lines = eventsIn(stderr);
  expectTold(lines);
  expect(lines.length).toBeGreaterThan(4);
});

test("of serve", async () => {
  project.writeSpec({ more: ['schedule: { cron: "15 2 * * *" }'] });
  await followedHereSince(new Date("2025-01-03T02:00:00Z"), "daily", "15 2 * * * UTC", project.cwd);
  const served = serveIn(project.cwd, clockAt("2025-01-03T02:15:01"));
  await served.until("tick.ended");
  expect(await stop(served)).toBe(0);
  expectTold(served.events);
  expect([...typesOf(served.events)]).toEqual(
    expect.arrayContaining(["spec.loaded", "tick.decided", "tick.started", "run.published", "tick.ended"]),
  );
});

test.each(["json", "plain"])("of serve for people, with --progress %s", async (progress) => {
  project.writeSpec({ more: ['schedule: { cron: "15 2 * * *" }'] });
  await followedHereSince(new Date("2025-01-03T02:00:00Z"), "daily", "15 2 * * * UTC", project.cwd);
  const argv = ["serve", "--embedded", "--listen", "none", "--progress", progress].concat([
    "--metrics-listen",
    "127.0.0.1:0",
  ]);
  const served = startNightshift(project.cwd, argv, { env: clockAt("2025-01-03T02:15:01") });
  const ends = () =>
    JSON.parse(nightshift(project.cwd, "ls", "ticks", "--json").stdout || "[]").filter(
      ({ end }: { readonly end: object | null }) => end !== null,
    );
  await expect.poll(ends, { timeout: 50_000, interval: 500 }).toHaveLength(1);
  expect(await stop(served)).toBe(0);
  const { stdout, stderr } = await served.finished;
  expect(stdout).toBe("");
  const events = eventsIn(stderr);
  expectTold(events);
  const text = stderr.split("\n").filter((line) => !line.startsWith("{"));
  const lines = logLinesIn(text.join("\n"));
  const messages = lines.map(({ message }) => message);
  expect(messages).toEqual(
    expect.arrayContaining(["metrics listening", "spec loaded", "tick decided", "tick started", "stopping"]),
  );
  expect(lines.filter(({ message }) => message === "run finished")).toMatchObject([
    {
      fields: {
        job: "daily",
        run: expect.stringMatching(/^daily-2025-01-02/),
        status: "published",
        rows: "5",
      },
    },
  ]);
  expect(lines.find(({ message }) => message === "tick ended")?.fields).toMatchObject({
    ...{ job: "daily", tick: "2025-01-03T02:15:00.000Z", status: "published" },
  });
  if (progress === "json") expect([...typesOf(events)]).toEqual(expect.arrayContaining(runTypes));
  else {
    expect(events).toEqual([]);
    expect(lines).toContainEqual({
      ...{ level: "info", message: "run progress" },
      fields: { run: expect.stringMatching(/^daily-2025-01-02/), text: "publishing 5 rows" },
    });
  }
});

const runTypes = ["run.started", "run.planned", "partition.started", "partition.accepted", "run.published"];

test("of a worker for people: a line a run, and run events with --progress json", async () => {
  const fleet = await queueFleet("postgres", { files: 2 });
  try {
    const env = { NIGHTSHIFT_LEDGER: fleet.database.url, NIGHTSHIFT_QUEUE: fleet.queueUrl };
    const { cwd } = fleet.project;
    const plain = startNightshift(cwd, ["worker", "--threads", "1"], { env });
    await said(plain, "worker ready");
    const run = await startNightshift(cwd, ["run", "flights", "--progress", "plain"], { env }).finished;
    expect(run.stderr).toContain("2 partitions on 1 worker with 1 thread");
    expect(await stop(plain)).toBe(0);
    const logged = logLinesIn((await plain.finished).stderr);
    expect(logged.map(({ message }) => message)).toEqual([
      ...["worker ready", "run started here", "stopping", "run finished here", "worker stopped"],
    ]);
    const finished = logged.find(({ message }) => message === "run finished here")?.fields;
    expect(finished).toMatchObject({ run: expect.stringMatching(/^flights-/), partitions: "2", failed: "0" });
    expect(Number(finished?.rows)).toBeGreaterThan(0);
    expect(Number(finished?.seconds)).toBeGreaterThan(0);

    const argv = ["worker", "--threads", "1", "--progress", "json"];
    const worker = startNightshift(cwd, argv, { env });
    expect(await fleet.run({ argv: ["--reprocess"] }).finished).toMatchObject({ status: 0 });
    expect(await stop(worker)).toBe(0);
    const { stdout, stderr } = await worker.finished;
    expect(stdout).toBe("");
    const lines = eventsIn(stderr);
    expect(lines.at(0)).toMatchObject({ type: "worker.ready", threads: 1 });
    expect(lines.at(-1)).toMatchObject({ type: "worker.stopped" });
    for (const type of ["partition.started", "partition.accepted"])
      expect(lines.filter((line) => line.type === type)).toMatchObject(
        [0, 1].map((partition) => ({ partition, epoch: 1, attemptId: expect.any(String) })),
      );
  } finally {
    await fleet.remove();
  }
});

const ref = { runId: "daily-2025-01-01-x-g1", partition: 0, epoch: 1 };
const attemptId = "0d0d3b4c-6a5f-4d0a-9a43-7a5f0d0d3b4c";

test("of a worker, in the words of run events", () => {
  const at = new Date("2025-01-02T03:04:05Z");
  const started: WorkerEvent = { type: "started", ref, attemptId };
  const fenced: WorkerEvent = { type: "fenced", ref, attemptId, refused: "receipt" };
  expectTold([started, fenced].map((event) => JSON.parse(workerJson(event, at))));
  expect(JSON.parse(workerJson({ type: "outdated", ref }, at))).toEqual({
    ...{ at: at.toISOString(), type: "partition.outdated", ...ref },
  });
  expect(runEventOf({ type: "outdated", ref })).toBeNull();
});
