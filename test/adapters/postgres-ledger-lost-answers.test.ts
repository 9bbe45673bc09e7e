/**
 * Connections that break during a transition: once after the server had it and before its answer came, once
 * before it arrived. Either way the caller gets the answer that it would have got, and what it asked for happened once.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Claim } from "../../src/job/run.js";
import type { Ledger } from "../../src/ledgers/ledger.js";
import { all } from "../conformance/ledger.js";
import { type CuttingProxy, cuttingProxy } from "../support/cutting-proxy.js";
import { emptyLedger, type TestProcess } from "../support/postgres-ledgers.js";
import { aFailure, anError, aPlan, aReceipt, aRun, somePartitions } from "../support/runs.js";

const there = emptyLedger();
let proxy: CuttingProxy;
let process: TestProcess;
let ledger: Ledger;

beforeAll(async () => {
  const { hostname, port } = new URL(there.database.url);
  proxy = await cuttingProxy({ host: hostname, port: Number(port) });
});
afterAll(() => proxy.close());
beforeEach(async () => {
  const behind = new URL(there.database.url);
  behind.port = String(proxy.port);
  process = await there.processes.start({ url: behind.href });
  ledger = process.ledger;
});

/** Created, claimed and planned; partition 0 is running as attempt `a`, partition 1 failed. */
async function prepared(): Promise<Claim> {
  await ledger.createRun(aRun("run"));
  const claim = await ledger.claimRun("run", process.owner, { takeOver: false });
  await ledger.savePlan(claim, aPlan(3), somePartitions(3));
  for (const [index, attemptId] of ["a", "b"].entries()) {
    const ref = await ledger.leasePartition(claim, index);
    await ledger.startAttempt(ref, attemptId);
  }
  await ledger.recordFailure(refOf(1), aFailure("b", { next: "failed" }));
  return claim;
}

const refOf = (partition: number, epoch = 1) => ({ runId: "run", partition, epoch });

async function allAccepted(claim: Claim): Promise<void> {
  await ledger.acceptReceipt(aReceipt(refOf(0), "a"));
  await ledger.reviveFailed(claim);
  for (const index of [1, 2]) {
    const ref = await ledger.leasePartition(claim, index);
    await ledger.startAttempt(ref, "c");
    await ledger.acceptReceipt(aReceipt(ref, "c"));
  }
}

interface Transition {
  readonly name: string;
  /** In the statement that makes it. */
  readonly text: string;
  readonly before?: (claim: Claim) => Promise<void>;
  readonly make: (claim: Claim) => Promise<unknown>;
  readonly answer: unknown;
  readonly event: string | null;
  readonly status: string;
}

const transitions: readonly Transition[] = [
  {
    name: "leasePartition",
    text: "'leased', epoch = p.epoch + 1",
    make: (claim) => ledger.leasePartition(claim, 2),
    answer: refOf(2),
    event: null,
    status: "running",
  },
  {
    name: "startAttempt",
    text: "'running', attempt_id = $4",
    before: async (claim) => void (await ledger.leasePartition(claim, 2)),
    make: () => ledger.startAttempt(refOf(2), "x"),
    answer: "started",
    event: "partition.started",
    status: "running",
  },
  {
    name: "acceptReceipt",
    text: "'accepted', last_error = null",
    make: () => ledger.acceptReceipt(aReceipt(refOf(0), "a", 5)),
    answer: "accepted",
    event: "partition.accepted",
    status: "running",
  },
  {
    name: "recordFailure",
    text: "attempts = p.attempts + $8",
    make: () => ledger.recordFailure(refOf(0), aFailure("a")),
    answer: "recorded",
    event: "partition.failed",
    status: "running",
  },
  {
    name: "beginPublish",
    text: "set status = $3, change = $4",
    before: allAccepted,
    make: async (claim) => (await ledger.beginPublish(claim)).length,
    answer: 3,
    event: "run.publishing",
    status: "publishing",
  },
  {
    name: "completeRun",
    text: "set status = $3, change = $4",
    before: async (claim) => {
      await allAccepted(claim);
      await ledger.beginPublish(claim);
    },
    make: (claim) => ledger.completeRun(claim, 4),
    answer: undefined,
    event: "run.published",
    status: "published",
  },
  {
    name: "failRun",
    text: "set status = $3, change = $4",
    make: (claim) => ledger.failRun(claim, anError),
    answer: undefined,
    event: "run.failed",
    status: "failed",
  },
  {
    name: "cancelRun",
    text: "set status = $3, change = $4",
    make: (claim) => ledger.cancelRun(claim),
    answer: undefined,
    event: "run.cancelled",
    status: "cancelled",
  },
  {
    name: "dropRun",
    text: "set status = $3, change = $4",
    make: (claim) => ledger.dropRun(claim),
    answer: undefined,
    event: null,
    status: "dropped",
  },
  {
    name: "releaseRun",
    text: "set owner = null",
    make: (claim) => ledger.releaseRun(claim),
    answer: undefined,
    event: null,
    status: "running",
  },
];

const eventTypes = async (): Promise<readonly string[]> =>
  (
    await there.database.query<{ type: string; seq: string }>(
      "select body->>'type' as type, seq from nightshift.ledger_events order by seq",
    )
  ).map(({ type }) => type);

for (const kind of ["delivered", "lost"] as const)
  test.each(transitions)(`$name, ${kind}`, async ({ text, before, make, answer, event, status }) => {
    const claim = await prepared();
    await before?.(claim);
    const told = await eventTypes();
    const cuts = proxy.cuts();
    proxy.cutAt(text, kind);
    expect(await make(claim)).toEqual(answer);
    expect(proxy.cuts()).toBe(cuts + 1);
    expect((await ledger.readRun("run"))?.status).toBe(status);
    expect(await eventTypes()).toEqual(event === null ? told : [...told, event]);
  });

test("rows are counted once, also if the answers were lost", async () => {
  await prepared();
  proxy.cutAt("'accepted', last_error = null", "delivered");
  await ledger.acceptReceipt(aReceipt(refOf(0), "a", 5));
  expect((await ledger.readRun("run"))?.accepted).toEqual({
    partitions: 1,
    rows: aReceipt(refOf(0), "a", 5).rows,
  });
  const [partition] = await all(ledger.listPartitions("run"));
  expect(partition).toMatchObject({ status: "accepted", epoch: 1, attempts: 0 });
});

test.each(["delivered", "lost"] as const)("createRun, %s", async (kind) => {
  proxy.cutAt("insert into nightshift.ledger_runs", kind);
  expect(await ledger.createRun(aRun("run"))).toBe("created");
  expect(await ledger.createRun(aRun("run"))).toBe("exists");
});

test.each(["delivered", "lost"] as const)("claimRun, its COMMIT %s", async (kind) => {
  await ledger.createRun(aRun("run"));
  proxy.cutAt("commit\0", kind);
  const claim = await ledger.claimRun("run", process.owner, { takeOver: false });
  expect(claim).toEqual({ runId: "run", coordinatorEpoch: 1 });
  await ledger.savePlan(claim, aPlan(1), somePartitions(1));
  expect(await eventTypes()).toEqual(["run.started", "run.planned"]);
});

test("savePlan, its COMMIT delivered: the plan is saved", async () => {
  await ledger.createRun(aRun("run"));
  const claim = await ledger.claimRun("run", process.owner, { takeOver: false });
  proxy.cutAt("commit\0", "delivered");
  await ledger.savePlan(claim, aPlan(2), somePartitions(2));
  expect((await ledger.readRun("run"))?.status).toBe("planned");
  expect(await all(ledger.listPartitions("run"))).toHaveLength(2);
});

test("savePlan, its COMMIT lost: nothing is saved, it says so, and the plan can be saved again", async () => {
  await ledger.createRun(aRun("run"));
  const claim = await ledger.claimRun("run", process.owner, { takeOver: false });
  proxy.cutAt("commit\0", "lost");
  await expect(ledger.savePlan(claim, aPlan(2), somePartitions(2))).rejects.toMatchObject({
    code: "infra.commit-unknown",
    retryable: true,
  });
  expect((await ledger.readRun("run"))?.status).toBe("created");
  await ledger.savePlan(claim, aPlan(2), somePartitions(2));
});

test("a reader whose connections break continues reading, and misses no event", async () => {
  const claim = await prepared();
  const other = await there.processes.start();
  const seen: string[] = [];
  const following = (async () => {
    for await (const { type } of ledger.changes("run", new AbortController().signal)) {
      seen.push(type);
      if (seen.length % 2 === 0) proxy.cutAll();
    }
  })();
  const claimOfOther = { ...claim };
  await other.ledger.acceptReceipt(aReceipt(refOf(0), "a"));
  await other.ledger.failRun(claimOfOther, anError);
  await following;
  expect(seen).toEqual(await eventTypes());
});
