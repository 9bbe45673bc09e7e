/** An abort and a publication of the same run at the same moment: one of them wins, and everybody says so. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import type { Pause } from "../../src/running/cancel-watch.js";
import { createRunner, type Runner } from "../../src/running/runner.js";
import type { Sink } from "../../src/sinks/sink.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { freshDirectory, sinkFor } from "../support/file-target.js";
import { journalProcesses, systemClock, type TestProcess } from "../support/journal-processes.js";
import { aPlan } from "../support/runs.js";

const request = {
  kind: "spec",
  specPath: null,
  trigger: "library",
  reprocess: false,
  restart: false,
  takeOver: false,
} as const;
const planned = { plan: { ...aPlan(0), totals: { ...aPlan(0).totals, rows: 0 } }, partitions: [] };
const options = { signal: new AbortController().signal, observers: [] };
const asked = { takeOver: false, waitMs: 30_000, signal: new AbortController().signal };
const never = (): never => {
  throw new Error("no planning or scoring in this test");
};

const usual: Pause = (ms, signal) =>
  sleep(ms, undefined, signal === undefined ? { ref: false } : { signal, ref: false }).catch(() => undefined);
/** Of an owner that never looks for requests to cancel. */
const deaf: Pause = () => new Promise(() => undefined);

interface Race {
  readonly owner: TestProcess;
  readonly publisher: Runner;
  readonly canceller: Runner;
  readonly to: string;
}

/**
 * @param publish stands between the publisher and its sink
 * @param atWork happens when the publisher owns its run, and before it publishes
 */
function race(
  publish: (sink: Sink, ...args: Parameters<Sink["publish"]>) => ReturnType<Sink["publish"]>,
  atWork: (runId: string) => Promise<void> = async () => undefined,
): Race {
  const root = freshDirectory();
  const to = join(root, "out");
  const processes = journalProcesses(join(root, "state"), localFileSystem());
  const runnerOf = ({ owner, ledger }: TestProcess, sink: Sink, pause: Pause): Runner =>
    createRunner({
      ...{ ledger, clock: systemClock, self: owner, cores: 1, memoryBytes: 1e9 },
      planningHost: never,
      sink: async () => sink,
      keeper: async () => null,
      pause,
      dispatcher: () => ({ capacity: 1, enqueue: never, drain: async () => {}, close: async () => {} }),
    });
  const sink = sinkFor({ to }, "replace");
  const owner = processes.start();
  const publishing: Sink = {
    ...sink,
    async lookup(runId) {
      await atWork(runId);
      return sink.lookup(runId);
    },
    publish: (...args) => publish(sink, ...args),
  };
  return {
    owner,
    publisher: runnerOf(owner, publishing, deaf),
    canceller: runnerOf(processes.start(), sink, usual),
    to,
  };
}

it("the abort comes first: the publisher adopts it, and the run stays cancelled", async () => {
  let cancelled: Awaited<ReturnType<Runner["cancel"]>> | null = null;
  let cancelling: Promise<void> = Promise.resolve();
  const { publisher, canceller, to } = race(async (sink, run, ...more) => {
    cancelling = canceller.cancel(run.id, asked).then((told) => {
      cancelled = told;
    });
    while ((await sink.lookup(run.id)) === null) await sleep(5);
    return sink.publish(run, ...more);
  });
  const outcome = await publisher.runPlan(planned, request, options);
  await cancelling;
  expect(outcome).toMatchObject({ status: "cancelled", error: { code: "cancelled.run" } });
  expect(cancelled).toMatchObject({ status: "cancelled", resumable: false, publication: null });
  expect(
    await sinkFor({ to }, "replace").published(outcome.run?.key.jobId ?? "", outcome.run?.key.scope ?? ""),
  ).toBe(null);
  await expect(canceller.retry(outcome.run?.id ?? "", { ...options, takeOver: false })).rejects.toMatchObject(
    {
      code: "refused.run-dropped",
    },
  );
  // The job itself is not given up: its next generation may begin.
  const next = await canceller.runPlan(planned, request, options);
  expect(next).toMatchObject({ status: "published", run: { key: { generation: 2 } } });
});

it("the publication comes first: the canceller adopts it, and says that it is published", async () => {
  let cancelled: Awaited<ReturnType<Runner["cancel"]>> | null = null;
  let cancelling: Promise<void> = Promise.resolve();
  const { publisher, canceller } = race(async (sink, run, ...more) => {
    const decision = await sink.publish(run, ...more);
    cancelling = canceller.cancel(run.id, asked).then((told) => {
      cancelled = told;
    });
    await sleep(300);
    return decision;
  });
  const outcome = await publisher.runPlan(planned, request, options);
  await cancelling;
  expect(outcome).toMatchObject({ status: "published", publication: 1 });
  expect(cancelled).toMatchObject({ status: "published", publication: 1, resumable: false });
});

it("a request from before publishing began is respected, also by an owner that was not notified", async () => {
  let published = 0;
  const { owner, publisher, canceller } = race(
    async (sink, ...args) => {
      published += 1;
      return sink.publish(...args);
    },
    (runId) => owner.ledger.requestCancel(runId),
  );
  const outcome = await publisher.runPlan(planned, request, options);
  expect(outcome).toMatchObject({ status: "cancelled", error: { code: "cancelled.run" } });
  expect(published).toBe(0);
  expect((await canceller.retry(outcome.run?.id ?? "", { ...options, takeOver: false })).status).toBe(
    "published",
  );
});

it.each([
  ["before the sink decided: it never publishes", "abort"],
  ["after the sink decided: the publication is adopted", "commit"],
] as const)("the publisher dies %s", async (_, winner) => {
  let died: (runId: string) => void = never;
  const dead = new Promise<string>((resolve) => {
    died = resolve;
  });
  const { owner, publisher, canceller } = race(async (sink, run, ...more) => {
    if (winner === "commit") await sink.publish(run, ...more);
    await owner.die();
    died(run.id);
    return new Promise(() => undefined);
  });
  void publisher.runPlan(planned, request, options);
  const runId = await dead;
  const told = await canceller.cancel(runId, asked);
  expect(told).toMatchObject(
    winner === "abort"
      ? { status: "cancelled", resumable: false, publication: null }
      : { status: "published", publication: 1 },
  );
});
