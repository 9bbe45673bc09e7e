/** The coordinator's side of a queue that loses, repeats and refuses messages, over a real ledger. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Dispatcher } from "../../src/dispatchers/dispatcher.js";
import type { FollowedOutcome } from "../../src/dispatchers/queue/outcome-of.js";
import { queueDispatcher } from "../../src/dispatchers/queue/queue-dispatcher.js";
import type { Queue } from "../../src/dispatchers/queue.js";
import type { PartitionRef } from "../../src/job/partition.js";
import type { Claim } from "../../src/job/run.js";
import type { LeaseEnd, SharedLedger } from "../../src/ledgers/ledger.js";
import { pause, systemClock } from "../../src/wiring/system-clock.js";
import { type LedgerProcesses, ledgerProcesses, migrateAt } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";
import { aFailure, aPlan, aReceipt, aRun, somePartitions } from "../support/runs.js";

let database: TestDatabase;
let processes: LedgerProcesses;
let coordinator: SharedLedger;
let worker: SharedLedger;
let claim: Claim;
let dispatcher: Dispatcher | null = null;

beforeAll(async () => {
  database = await createDatabase();
  await migrateAt(database.url);
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.query("truncate nightshift.ledger_runs, nightshift.ledger_workers cascade");
  processes = ledgerProcesses(database.url);
  const { ledger, owner } = await processes.start();
  coordinator = ledger;
  worker = (await processes.start({ where: "elsewhere" })).ledger;
  await ledger.createRun(aRun("run"));
  claim = await ledger.claimRun("run", owner, { takeOver: false });
  await ledger.savePlan(claim, aPlan(3), somePartitions(3));
});
afterEach(async () => {
  await dispatcher?.close();
  dispatcher = null;
  await processes.closeAll();
});

/** Does with messages what the test says; what it was given, it does not keep. */
function scriptedQueue(onPush: (refs: readonly PartitionRef[]) => Promise<void>): Queue {
  return {
    place: "a script",
    push: onPush,
    take: async () => null,
    pending: async () => ({}),
    close: async () => undefined,
  };
}

function dispatching(onPush: (refs: readonly PartitionRef[]) => Promise<void> = async () => undefined) {
  const outcomes: FollowedOutcome[] = [];
  const troubles: (string | null)[] = [];
  const lonely: (readonly string[])[] = [];
  const quiet: (readonly LeaseEnd[])[] = [];
  let wake = (): void => undefined;
  dispatcher = queueDispatcher({
    queue: scriptedQueue(onPush),
    channel: { tag: "cpu", lane: "scheduled" },
    ledger: coordinator,
    claim,
    wake: (outcome) => {
      outcomes.push(outcome);
      wake();
    },
    clock: systemClock,
    pause,
    onTrouble: (error) => void troubles.push(error?.message ?? null),
    onNoWorker: (workers) => void lonely.push(workers.map(({ tags }) => tags.join())),
    onQuiet: (_, ends) => void quiet.push(ends),
    timing: {
      readEveryMs: 10,
      reconcileEveryMs: 50,
      expireEveryMs: 50,
      lookForWorkersEveryMs: 100,
      quietAfterMs: 100,
    },
  });
  const until = async (type: FollowedOutcome["type"]): Promise<FollowedOutcome> => {
    for (;;) {
      const found = outcomes.find((outcome) => outcome.type === type);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { dispatcher, outcomes, troubles, lonely, quiet, until };
}

test("a message that was lost is sent again until a worker has begun it", async () => {
  let pushes = 0;
  const { dispatcher, until } = dispatching(async ([ref]) => {
    pushes += 1;
    if (pushes < 4 || ref === undefined) return;
    if ((await worker.startLeased(ref, "a", 60_000)) === "started")
      await worker.acceptReceipt(aReceipt(ref, "a"));
  });
  await dispatcher.enqueue(await coordinator.leasePartition(claim, 1), false);
  const accepted = await until("accepted");
  expect(accepted).toMatchObject({ ref: { partition: 1, epoch: 1 }, receipt: { attemptId: "a" } });
  expect(pushes).toBe(4);
});

test("a partition that a worker has begun is not sent again, and is reported once", async () => {
  const pushed: PartitionRef[] = [];
  const { dispatcher, outcomes, until } = dispatching(async (refs) => void pushed.push(...refs));
  const ref = await coordinator.leasePartition(claim, 0);
  await worker.startLeased(ref, "a", 60_000);
  await dispatcher.enqueue(ref, false);
  await until("started");
  await pause(200);
  expect(pushed).toEqual([ref]);
  await worker.acceptReceipt(aReceipt(ref, "a"));
  await until("accepted");
  expect(outcomes.map(({ type }) => type)).toEqual(["started", "accepted"]);
});

test("a lease that runs out puts the partition back", async () => {
  const { dispatcher, until } = dispatching();
  const ref = await coordinator.leasePartition(claim, 0);
  await worker.startLeased(ref, "a", 100);
  await dispatcher.enqueue(ref, false);
  expect(await until("failed")).toMatchObject({
    ref,
    failure: { next: "pending" },
    error: { code: "infra.lease-expired" },
  });
});

test("a failure is what the ledger says of it", async () => {
  const { dispatcher, until } = dispatching();
  const ref = await coordinator.leasePartition(claim, 0);
  await worker.startLeased(ref, "a", 60_000);
  const failure = aFailure("a", { next: "failed" });
  await worker.recordFailure(ref, failure);
  await dispatcher.enqueue(ref, false);
  expect(await until("failed")).toMatchObject({ failure: { next: "failed", error: failure.error } });
});

test("a queue that refuses messages is logged, and again when it accepts them", async () => {
  let isDown = true;
  let pushes = 0;
  const { dispatcher, troubles } = dispatching(async () => {
    pushes += 1;
    if (isDown) throw new Error("it is away");
  });
  await dispatcher.enqueue(await coordinator.leasePartition(claim, 0), false);
  while (pushes < 3) await pause(10);
  isDown = false;
  while (!troubles.includes(null)) await pause(10);
  expect(new Set(troubles)).toEqual(new Set(["it is away", null]));
});

test("draining releases partitions that no worker may continue", async () => {
  const { dispatcher } = dispatching();
  const waiting = await coordinator.leasePartition(claim, 0);
  const running = await coordinator.leasePartition(claim, 1);
  await worker.startLeased(running, "a", 60_000);
  for (const ref of [waiting, running]) await dispatcher.enqueue(ref, false);
  await dispatcher.drain();
  for (const index of [0, 1])
    expect(await coordinator.readPartition("run", index)).toMatchObject({ status: "pending", attempts: 0 });
  expect(await worker.startLeased(waiting, "b", 60_000)).toBe("fenced");
  expect(await worker.renewAttempt(running, "a", 60_000)).toBe("fenced");
});

test("a run that another process owns is left alone", async () => {
  const { dispatcher, until } = dispatching();
  const ref = await coordinator.leasePartition(claim, 0);
  await dispatcher.enqueue(ref, false);
  // Its next owner has leased the partition.
  await database.query("update nightshift.ledger_partitions set epoch = epoch + 1 where index = 0");
  expect(await until("ledger-failed")).toMatchObject({ error: { code: "infra.claim-lost" } });
});

test("while nothing happens, the awaited lease is reported once", async () => {
  const { dispatcher, quiet } = dispatching();
  const ref = await coordinator.leasePartition(claim, 0);
  await worker.startLeased(ref, "a", 60_000);
  await dispatcher.enqueue(ref, false);
  while (quiet.length === 0) await pause(20);
  expect(quiet).toEqual([[{ partition: 0, leftMs: expect.any(Number) }]]);
});

test("a run whose tag no worker has says so once, with the workers that are there; a run that a worker can score does not", async () => {
  const note = { host: "m", pid: 1, version: "0.1.0", threads: 1, lanes: ["scheduled"] } as const;
  await worker.noteWorker({ ...note, id: "6f2b3c1e-0d7a-4c55-9a0e-3f1d2b4c5a69", tags: ["gpu"] }, 60_000);
  const { dispatcher, lonely, quiet } = dispatching();
  await dispatcher.enqueue(await coordinator.leasePartition(claim, 0), false);
  while (lonely.length === 0) await pause(20);
  await pause(300);
  expect(lonely).toEqual([["gpu"]]);
  expect(quiet).toEqual([]);
  await dispatcher.close();

  await worker.noteWorker({ ...note, id: "6f2b3c1e-0d7a-4c55-9a0e-3f1d2b4c5a70", tags: ["cpu"] }, 60_000);
  const served = dispatching();
  await served.dispatcher.enqueue(await coordinator.leasePartition(claim, 1), false);
  await pause(400);
  expect(served.lonely).toEqual([]);
  // It is there, and begins with nothing.
  expect(served.quiet).toEqual([[]]);
});
