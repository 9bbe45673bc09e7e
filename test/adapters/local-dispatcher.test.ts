import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import type { AttemptReporter, Circumstance } from "../../src/dispatchers/dispatcher.js";
import { localDispatcher } from "../../src/dispatchers/local/local-dispatcher.js";
import { type ErrorRecord, InfraError, type NightshiftError, toErrorRecord } from "../../src/errors.js";
import { childProcessHost } from "../../src/host/child-process-host.js";
import type { WorkerHost } from "../../src/host/host.js";
import type { PartitionRef } from "../../src/job/partition.js";
import type { PartitionTask } from "../../src/job/plan.js";
import { scratch } from "../support/scratch.js";

const entry = fileURLToPath(new URL("../support/scripted-host.mjs", import.meta.url));
const hosts: WorkerHost[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

type Report =
  | { readonly type: "accepted"; readonly partition: number }
  | {
      readonly type: "failed";
      readonly partition: number;
      readonly code: string;
      readonly circumstance: Circumstance;
    };

/** A dispatcher over real child processes that follow one script a partition. */
function dispatcherOver(
  scripts: readonly string[],
  {
    threads = 2,
    timeoutMs = 60_000,
    maxBytes = null as number | null,
    lastError = null as ErrorRecord | null,
  } = {},
) {
  const folder = scratch();
  const paths = scripts.map((script, index) => {
    const path = join(folder, `script-${index}`);
    writeFileSync(path, script);
    return path;
  });
  const reports: Report[] = [];
  const errors: NightshiftError[] = [];
  let started = 0;
  let deaths = 0;
  let wake = (): void => undefined;
  const reporter: AttemptReporter = {
    async start(ref) {
      started += 1;
      return { task: taskOf(ref, paths[ref.partition] ?? "", timeoutMs), lastError };
    },
    async succeed(receipt) {
      reports.push({ type: "accepted", partition: receipt.ref.partition });
      wake();
      return "accepted";
    },
    async fail(ref, _attemptId, error: NightshiftError, circumstance) {
      errors.push(error);
      reports.push({ type: "failed", partition: ref.partition, code: error.code, circumstance });
      wake();
    },
    progress: () => undefined,
    hostDied: () => {
      deaths += 1;
    },
  };
  let host: WorkerHost | null = null;
  const dispatcher = localDispatcher({
    threads,
    reporter,
    newId: () => crypto.randomUUID(),
    host: () => {
      if (host === null || host.isGone()) {
        host = childProcessHost({
          entry,
          threads,
          hookDir: "/hooks",
          environment: process.env,
          maxBytes,
          memoryBytes: 2 ** 30,
        });
        hosts.push(host);
      }
      return host;
    },
  });
  const until = async (count: number): Promise<readonly Report[]> => {
    while (reports.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return reports;
  };

  return { dispatcher, until, counts: () => ({ started, deaths }), errors };
}

function taskOf(ref: PartitionRef, script: string, partitionTimeoutMs: number): PartitionTask {
  // The scripted host reads the ref, the rows and the script's path; messages name the model.
  return {
    ref,
    plan: { job: { model: { path: "model.onnx" }, limits: { partitionTimeoutMs } } },
    partition: { index: ref.partition, rows: 1, slices: [{ file: { path: script } }] },
  } as unknown as PartitionTask;
}

const ref = (partition: number, epoch = 1): PartitionRef => ({ runId: "run", partition, epoch });

describe("local dispatcher", () => {
  it("reports a receipt for every partition", async () => {
    const { dispatcher, until } = dispatcherOver(["succeed", "succeed", "succeed"]);
    for (const index of [0, 1, 2]) await dispatcher.enqueue(ref(index), false);
    const reports = await until(3);
    expect(reports.map((report) => report.partition).sort()).toEqual([0, 1, 2]);
    expect(reports.every((report) => report.type === "accepted")).toBe(true);
  });

  it("replaces a host that died, and blames no partition while several ran in it", async () => {
    const { dispatcher, until, counts } = dispatcherOver(["wait 60000", "die\nsucceed"]);
    await dispatcher.enqueue(ref(0), false);
    await dispatcher.enqueue(ref(1), false);
    const reports = [...(await until(2))];
    expect(reports).toContainEqual({
      type: "failed",
      partition: 0,
      code: "infra.host-died",
      circumstance: "host-died-shared",
    });
    expect(reports).toContainEqual({
      type: "failed",
      partition: 1,
      code: "infra.host-died",
      circumstance: "host-died-shared",
    });
    expect(counts().deaths).toBe(1);
    await dispatcher.enqueue(ref(1, 2), true);
    expect((await until(3)).at(-1)).toEqual({ type: "accepted", partition: 1 });
  });

  it("runs a suspect with nothing beside it, and holds its death against it", async () => {
    const { dispatcher, until } = dispatcherOver(["die", "wait 100", "wait 100"]);
    await dispatcher.enqueue(ref(1), false);
    await dispatcher.enqueue(ref(0), true);
    await dispatcher.enqueue(ref(2), false);
    const reports = await until(3);
    expect(reports).toContainEqual({
      type: "failed",
      partition: 0,
      code: "infra.host-died",
      circumstance: "host-died-alone",
    });
    expect(reports.filter((report) => report.type === "accepted")).toHaveLength(2);
  });

  it("searches for a row that killed the last host, over as many hosts as die, in one attempt", async () => {
    const { dispatcher, until, counts, errors } = dispatcherOver(["crash 0 4 -"]);
    await dispatcher.enqueue(ref(0), true);
    await until(1);
    expect(errors[0]?.details).toMatchObject({
      signal: "SIGFPE",
      rowsAtWork: { from: 0, to: 4, digest: null },
    });
    const lastError = toErrorRecord(errors[0]);

    const script = "crash 0 2 -\ncrash 1 2 abc\nsearched\nsucceed";
    const again = dispatcherOver([script], { lastError });
    await again.dispatcher.enqueue(ref(0, 2), true);
    expect(await again.until(1)).toEqual([{ type: "accepted", partition: 0 }]);
    expect(again.counts()).toEqual({ started: 1, deaths: 0 });
    expect(counts().deaths).toBe(1);
  });

  it("ends a search that its deadline or an outsider's signal stops as it ends an attempt", async () => {
    const lastError = toErrorRecord(
      new InfraError("infra.host-died", "of rows", {
        details: { rowsAtWork: { from: 0, to: 4, digest: null }, modelCalls: 0 },
      }),
    );
    const late = dispatcherOver(["wait 60000"], { lastError, timeoutMs: 300 });
    await late.dispatcher.enqueue(ref(0), true);
    expect(await late.until(1)).toEqual([
      { type: "failed", partition: 0, code: "infra.host-deadline", circumstance: "error" },
    ]);
    const killed = dispatcherOver(["die"], { lastError });
    await killed.dispatcher.enqueue(ref(0), true);
    expect(await killed.until(1)).toEqual([
      { type: "failed", partition: 0, code: "infra.host-died", circumstance: "host-died-alone" },
    ]);
    const drained = dispatcherOver(["hang"], { lastError });
    await drained.dispatcher.enqueue(ref(0), true);
    await drained.dispatcher.drain();
    expect(await drained.until(1)).toMatchObject([{ circumstance: "released" }]);
  });

  it("replaces a host between partitions before what it keeps is too much", async () => {
    const maxBytes = 400 * 1024 * 1024;
    const grow = Array.from({ length: 6 }, () => "grow 120");
    const { dispatcher, until, counts } = dispatcherOver(grow, { threads: 1, maxBytes });
    for (const index of grow.keys()) await dispatcher.enqueue(ref(index), false);
    expect((await until(6)).every(({ type }) => type === "accepted")).toBe(true);
    expect(counts().deaths).toBe(0);
    expect(hosts.length).toBeGreaterThan(1);
  });

  it("runs a suspect in a host that has done nothing before", async () => {
    const { dispatcher, until } = dispatcherOver(["succeed", "succeed"], { threads: 1 });
    await dispatcher.enqueue(ref(0), false);
    await until(1);
    await dispatcher.enqueue(ref(1), true);
    await until(2);
    expect(hosts).toHaveLength(2);
  });

  it("kills a host past the deadline and blames the one that overran", async () => {
    const { dispatcher, until } = dispatcherOver(["wait 60000"], { timeoutMs: 300 });
    await dispatcher.enqueue(ref(0), false);
    expect(await until(1)).toEqual([
      { type: "failed", partition: 0, code: "infra.host-deadline", circumstance: "error" },
    ]);
  });

  it("passes a host's own error on as the partition's", async () => {
    const { dispatcher, until } = dispatcherOver(["fail"]);
    await dispatcher.enqueue(ref(0), false);
    expect(await until(1)).toEqual([
      { type: "failed", partition: 0, code: "data.corrupt", circumstance: "error" },
    ]);
  });

  it("hands everything back when it is drained, started or not", async () => {
    const { dispatcher, until, counts } = dispatcherOver(["hang", "hang", "succeed"]);
    for (const index of [0, 1, 2]) await dispatcher.enqueue(ref(index), false);
    await dispatcher.drain();
    const reports = await until(3);
    expect(reports.every((report) => report.type === "failed" && report.circumstance === "released")).toBe(
      true,
    );
    expect(counts().started).toBe(2);
  });
});
