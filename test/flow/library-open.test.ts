/** `openNightshift`: the compiled package inside a program, on a real project. */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type * as Library from "../../src/index.js";
import { type FlightProject, flightProject, keysBelow, keysIn } from "../support/flight-project.js";

const entry = new URL("../../dist/index.js", import.meta.url);
const { defineJob, NightshiftError, openNightshift }: typeof Library = await import(entry.href);
let project: FlightProject;
let opened: Library.Nightshift[];

beforeEach(() => {
  project = flightProject({ files: 4 });
  opened = [];
});

afterEach(async () => {
  for (const ns of opened) await ns.close();
  project.remove();
});

async function open(options: Library.OpenOptions = {}): Promise<Library.Nightshift> {
  const ns = await openNightshift({ project: project.cwd, stateDir: join(project.cwd, "state"), ...options });
  opened.push(ns);
  return ns;
}

/** A job in the project that publishes to a directory of its own. */
function jobTo(to: string, more: Partial<Library.JobSpecInput> = {}): Library.Job {
  return defineJob(
    {
      version: 1,
      name: to,
      model: "model.onnx",
      input: { from: "input/*.parquet", key: ["flight_id"] },
      write: { to, mode: "replace" },
      limits: { partition_rows: 50, threads: 1 },
      ...more,
    },
    { cwd: project.cwd },
  );
}

test("a job is planned, previewed, run by its name, listed, looked at and rolled back", async () => {
  const ns = await open();
  const { planned, standing } = await ns.plan("flights");
  expect(planned.plan.totals).toMatchObject({ rows: 200, partitions: 4 });
  expect(standing).toMatchObject({ published: null, unfinished: null });
  expect((await ns.preview("flights", { limit: 3 })).rows).toHaveLength(3);
  expect(existsSync(project.out)).toBe(false);

  const run = ns.run("flights");
  const types: string[] = [];
  for await (const { type } of run) if (type !== "run.progress") types.push(type);
  const { status, rows, run: made } = await run.outcome;
  expect(status).toBe("published");
  expect(rows).toEqual({ read: 200, predicted: 200, quarantined: 0, filtered: 0 });
  expect(types.at(0)).toBe("run.started");
  expect(types.at(-1)).toBe("run.published");
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));

  expect(await ns.status()).toMatchObject({ status: "published", partitions: { accepted: 4 } });
  expect(await ns.list.runs()).toMatchObject([{ state: { run: { id: made?.id } }, status: "published" }]);
  expect(await ns.list.jobs()).toMatchObject([{ name: "flights", paused: false }]);
  expect(await ns.list.partitions(made?.id)).toHaveLength(4);
  expect(await ns.list.ticks()).toEqual([]);

  expect((await ns.run("flights").outcome).status).toBe("already-published");
  expect((await ns.run("flights", { reprocess: true }).outcome).publication).toBe(2);
  expect(await ns.rollback("flights")).toMatchObject({ visibleRunId: made?.id });
  expect((await ns.gc()).skipped).toEqual([]);
});

test("rows that are quarantined are counted, and errors shows them by their reason", async () => {
  project.remove();
  project = flightProject({
    files: 2,
    hour: (key) => (key === 7 ? null : BigInt(key % 24)),
    limits: ["on_row_error: quarantine"],
  });
  const ns = await open();
  const { status, rows } = await ns.run("flights").outcome;
  expect({ status, rows }).toMatchObject({ status: "published", rows: { read: 100, quarantined: 1 } });
  const { reasons, failures } = await ns.errors();
  expect(failures).toEqual([]);
  expect(reasons).toMatchObject([{ rows: 1, samples: [{ key: { flight_id: 7 } }] }]);
});

test("a run that fails resolves with its error, which errors shows; a run that cannot start rejects", async () => {
  project.remove();
  project = flightProject({ files: 2, hour: (key) => (key === 57 ? null : BigInt(key % 24)) });
  const ns = await open();
  const { status, error } = await ns.run("flights").outcome;
  expect(status).toBe("failed");
  expect(error?.kind).toBe("data");
  expect((await ns.errors()).failures).toMatchObject([{ partition: 1, error: { code: error?.code } }]);
  await expect(ns.run("none").outcome).rejects.toMatchObject({ code: "spec.not-found" });
  await expect(ns.status("no-such-run")).rejects.toMatchObject({ code: "usage.unknown-run" });
});

test("a signal stops a run between chunks, and retry does the rest", async () => {
  const ns = await open();
  const stop = new AbortController();
  const run = ns.run("flights", { signal: stop.signal });
  for await (const { type } of run) if (type === "partition.accepted") stop.abort();
  const stopped = await run.outcome;
  expect(stopped.status).toBe("cancelled");
  const before = (await ns.status()).partitions.accepted ?? 0;
  expect(before).toBeGreaterThanOrEqual(1);
  expect(before).toBeLessThan(4);
  const again = ns.retry(stopped.run?.id);
  let accepted = 0;
  for await (const { type } of again) if (type === "partition.accepted") accepted += 1;
  expect((await again.outcome).status).toBe("published");
  expect(accepted).toBe(4 - before);
});

/** Resolves when a run begins to wait for input that does not arrive; it holds its slot meanwhile. */
async function openWithWaitingRun(maxParallel: number) {
  const stop = new AbortController();
  const texts: string[] = [];
  const ns = await open({ maxParallel, onNote: ({ text }) => void texts.push(text) });
  const held = ns.run(jobTo("late", { input: { from: "arriving/*.parquet", key: ["flight_id"] } }), {
    waitForMs: 600_000,
    signal: stop.signal,
  });
  await expect
    .poll(() => texts.filter((text) => text.includes("waiting for it")), { timeout: 60_000 })
    .toHaveLength(1);
  return { ns, held, stop };
}

test("with maxParallel 2, a run ends while another one waits for its input", async ({ skip }) => {
  if (availableParallelism() < 2) skip("one core has one slot");
  const { ns, held, stop } = await openWithWaitingRun(2);
  expect((await ns.run("flights").outcome).status).toBe("published");
  stop.abort();
  await expect(held.outcome).rejects.toMatchObject({ kind: "cancelled" });
});

test("without maxParallel, a run waits for the slot of another one", async () => {
  const { ns, held, stop } = await openWithWaitingRun(1);
  const second = ns.run("flights");
  // A plan does not wait for the slot, and takes longer than the second run would take to begin.
  await ns.plan("flights");
  expect(await ns.list.runs()).toEqual([]);
  stop.abort();
  await expect(held.outcome).rejects.toMatchObject({ kind: "cancelled" });
  expect((await second.outcome).status).toBe("published");
});

test("close stops what runs, which can be resumed, and refuses what is asked later", async () => {
  const ns = await open();
  const run = ns.run("flights");
  let waiting: Library.OngoingRun | null = null;
  for await (const { type } of run) {
    if (type === "run.started") waiting = ns.run(jobTo("waiting"));
    if (type === "partition.accepted") void ns.close();
  }
  expect((await run.outcome).status).toBe("cancelled");
  await expect(waiting?.outcome).rejects.toMatchObject({ kind: "cancelled" });
  await ns.close();
  await expect(ns.run("flights").outcome).rejects.toMatchObject({ code: "usage.closed" });
  await expect(ns.status()).rejects.toBeInstanceOf(NightshiftError);
  const next = await open();
  const { run: stopped } = await run.outcome;
  expect((await next.retry(stopped?.id).outcome).status).toBe("published");
});

test("a backfill runs what is missing, and tells each interval's end", async () => {
  writeFileSync(
    join(project.cwd, "jobs/nightly.yaml"),
    [
      "version: 1",
      "name: nightly",
      "model: ../model.onnx",
      "input: { from: ../input/*.parquet, key: [flight_id] }",
      "write: { to: ../nightly, mode: replace, partition_by: [day], add: { day: '{{ ds }}' } }",
      "intervals: { every: day }",
      "",
    ].join("\n"),
  );
  const ns = await open();
  const range = { from: "2024-01-01", to: "2024-01-02" };
  const dry = await ns.backfill("nightly", { ...range, dryRun: true }).outcome;
  expect(dry).toMatchObject({ job: "nightly", ends: [], decisions: [{ action: "run" }, { action: "run" }] });
  const first = ns.backfill("nightly", range);
  const types: string[] = [];
  for await (const { type } of first) types.push(type);
  expect(types).toEqual(["backfill.decided", "interval.ended", "interval.ended"]);
  expect((await first.outcome).ends.map(({ outcome }) => outcome?.status)).toEqual([
    "published",
    "published",
  ]);
  const again = await ns.backfill("nightly", range).outcome;
  expect(again).toMatchObject({ ends: [], decisions: [{ action: "skip" }, { action: "skip" }] });
});

test("a service answers over HTTP in the same process, and drains when its signal fires", async () => {
  const ns = await open();
  const stop = new AbortController();
  const service = ns.serve({ listen: "127.0.0.1:0", signal: stop.signal });
  let answer: unknown = null;
  for await (const event of service) {
    if (event.type !== "api.listening") continue;
    answer = await (await fetch(`${event.url}/v1/jobs`)).json();
    stop.abort();
  }
  expect(answer).toMatchObject({ jobs: [{ name: "flights", serves: "current" }] });
  expect(await service.outcome).toBe("drained");
});

test("cancel leaves a run that has ended as it is; a worker without a queue is refused", async () => {
  const ns = await open();
  const { run } = await ns.run("flights").outcome;
  expect(await ns.cancel(run?.id ?? "")).toMatchObject([{ status: "published" }]);
  await expect(ns.worker().outcome).rejects.toMatchObject({ code: /^usage\./ });
});

test("the library prints nothing, handles no signal, and leaves the process to its program", () => {
  const script = `
    import { openNightshift } from ${JSON.stringify(entry.href)};
    const ns = await openNightshift({ project: ${JSON.stringify(project.cwd)} });
    const before = ["SIGINT", "SIGTERM", "exit"].map((name) => process.listenerCount(name));
    await ns.run("flights").outcome;
    await ns.run("none").outcome.catch(() => undefined);
    const after = ["SIGINT", "SIGTERM"].map((name) => process.listenerCount(name));
    await ns.close();
    process.exitCode = after.every((count, index) => count === before[index]) ? 7 : 1;
  `;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: project.cwd,
    encoding: "utf8",
    timeout: 120_000,
  });
  expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: "", stderr: "" });
});
