/** Attempts on other machines: they hold their partitions by leases on the database's clock. */
import { beforeEach, describe, expect, test } from "vitest";
import type { PartitionRef } from "../../src/job/partition.js";
import type { Claim } from "../../src/job/run.js";
import type { SharedLedger, WorkerNote } from "../../src/ledgers/ledger.js";
import { all } from "../conformance/ledger.js";
import { emptyLedger } from "../support/postgres-ledgers.js";
import { aFailure, aPlan, aReceipt, aRun, somePartitions } from "../support/runs.js";

const there = emptyLedger();
let coordinator: SharedLedger;
let worker: SharedLedger;
let claim: Claim;

beforeEach(async () => {
  const owner = await there.processes.start();
  coordinator = owner.ledger;
  worker = (await there.processes.start({ where: "elsewhere" })).ledger;
  await coordinator.createRun(aRun("run"));
  claim = await coordinator.claimRun("run", owner.owner, { takeOver: false });
  await coordinator.savePlan(claim, aPlan(3), somePartitions(3));
});

const longMs = 60_000;

async function started(partition: number, attemptId: string, leaseMs: number): Promise<PartitionRef> {
  const ref = await coordinator.leasePartition(claim, partition);
  expect(await worker.startLeased(ref, attemptId, leaseMs)).toBe("started");
  return ref;
}

/** By the database's clock, and no other. */
async function leaseRunsOut(partition: number): Promise<void> {
  await there.database.query(
    `do $$ begin while (select lease_until > clock_timestamp() from nightshift.ledger_partitions where index = ${partition})
     loop perform pg_sleep(0.02); end loop; end $$`,
  );
}

test("a lease that runs out gives the partition back, and uses up no attempt", async () => {
  const ref = await started(1, "a", 100);
  await leaseRunsOut(1);
  expect(await coordinator.expireLeases(claim)).toBe(1);
  expect(await coordinator.readPartition("run", 1)).toMatchObject({
    status: "pending",
    epoch: 1,
    attempts: 0,
    soloDeaths: 0,
    attemptId: null,
    lastError: { code: "infra.lease-expired", retryable: true },
  });
  expect(await worker.acceptReceipt(aReceipt(ref, "a"))).toBe("fenced");
  expect(await worker.renewAttempt(ref, "a", longMs)).toBe("fenced");
});

test("what is renewed does not expire, and what has no lease never does", async () => {
  const renewed = await started(0, "a", 100);
  expect(await worker.renewAttempt(renewed, "a", longMs)).toBe("renewed");
  const local = await coordinator.leasePartition(claim, 1);
  await coordinator.startAttempt(local, "b");
  await started(2, "c", 100);
  await leaseRunsOut(2);
  expect(await coordinator.expireLeases(claim)).toBe(1);
  expect(await worker.acceptReceipt(aReceipt(renewed, "a"))).toBe("accepted");
  expect(await coordinator.acceptReceipt(aReceipt(local, "b"))).toBe("accepted");
});

test("a late receipt counts as long as no process noticed that its lease was over", async () => {
  const ref = await started(0, "a", 50);
  await leaseRunsOut(0);
  expect(await worker.acceptReceipt(aReceipt(ref, "a"))).toBe("accepted");
  expect(await coordinator.expireLeases(claim)).toBe(0);
});

test("an attempt renews nothing that another one holds, nor one of another epoch", async () => {
  const ref = await started(0, "a", longMs);
  expect(await worker.renewAttempt(ref, "b", longMs)).toBe("fenced");
  expect(await worker.renewAttempt({ ...ref, epoch: 2 }, "a", longMs)).toBe("fenced");
  expect(await worker.renewAttempt(ref, "a", longMs)).toBe("renewed");
});

test("a message that was delivered twice starts once, also when both are there at once", async () => {
  const ref = await coordinator.leasePartition(claim, 0);
  const answers = await Promise.all(
    ["a", "b", "c"].map((attemptId) => worker.startLeased(ref, attemptId, longMs)),
  );
  expect(answers.filter((answer) => answer === "started")).toHaveLength(1);
});

test("a message of an earlier epoch starts nothing", async () => {
  const late = await started(0, "a", 50);
  await leaseRunsOut(0);
  await coordinator.expireLeases(claim);
  const ref = await coordinator.leasePartition(claim, 0);
  expect(await worker.startLeased(late, "b", longMs)).toBe("fenced");
  expect(await worker.startLeased(ref, "c", longMs)).toBe("started");
});

test("only the run's owner lets leases run out", async () => {
  await started(0, "a", 50);
  await leaseRunsOut(0);
  await coordinator.releaseRun(claim);
  await expect(coordinator.expireLeases(claim)).rejects.toMatchObject({ code: "infra.claim-lost" });
});

test("leases that run out are events like other failures", async () => {
  await started(0, "a", 50);
  await started(2, "b", 50);
  await leaseRunsOut(0);
  await leaseRunsOut(2);
  expect(await coordinator.expireLeases(claim)).toBe(2);
  await coordinator.cancelRun(claim);
  const events = await all(coordinator.changes("run", new AbortController().signal));
  expect(events.filter(({ type }) => type === "partition.failed")).toMatchObject([
    { partition: 0, epoch: 1, next: "pending", error: { code: "infra.lease-expired" } },
    { partition: 2, epoch: 1, next: "pending", error: { code: "infra.lease-expired" } },
  ]);
});

test("requested partitions are read in plan order", async () => {
  await started(2, "a", longMs);
  const states = await worker.readPartitions("run", [2, 0]);
  expect(states).toMatchObject([
    { index: 0, status: "pending", epoch: 0 },
    { index: 2, status: "running", epoch: 1, attemptId: "a" },
  ]);
  expect(await worker.readPartitions("no-such-run", [0])).toEqual([]);
  const known = states.map(({ index, epoch, status }) => ({ index, epoch, status }));
  expect(await worker.readChanged("run", known)).toEqual([]);
  const [first, last] = known.map((each, nth) => (nth === 0 ? { ...each, epoch: 7 } : each));
  if (first === undefined || last === undefined) throw new Error("there are two");
  expect(await worker.readChanged("run", [last, first])).toEqual([states[0]]);
  expect(await worker.readChanged("run", [{ ...last, status: "poisoned" }])).toEqual([states[1]]);
});

describe("leases that run out in a row", () => {
  async function runsOut(attemptId: string, maxExpiries?: number): Promise<void> {
    await started(0, attemptId, 20);
    await leaseRunsOut(0);
    expect(await coordinator.expireLeases(claim, maxExpiries)).toBe(1);
  }

  test("poison the partition, which says so", async () => {
    for (const attemptId of ["a", "b"]) await runsOut(attemptId, 3);
    expect(await coordinator.readPartition("run", 0)).toMatchObject({ status: "pending", expiries: 2 });
    await runsOut("c", 3);
    expect(await coordinator.readPartition("run", 0)).toMatchObject({
      status: "poisoned",
      attempts: 0,
      lastError: { code: "infra.lease-expired", message: expect.stringContaining("3 times in a row") },
    });
    const events = [];
    for await (const event of coordinator.changes("run", new AbortController().signal)) {
      if (event.type === "partition.failed") events.push(event.next);
      if (events.length === 3) break;
    }
    expect(events).toEqual(["pending", "pending", "poisoned"]);
    expect(await coordinator.reviveFailed(claim)).toBe(1);
    expect(await coordinator.readPartition("run", 0)).toMatchObject({ status: "pending", expiries: 0 });
  });

  test("without a limit they continue", async () => {
    for (const attemptId of ["a", "b", "c"]) await runsOut(attemptId);
    expect(await coordinator.readPartition("run", 0)).toMatchObject({ status: "pending", expiries: 3 });
  });

  test("an attempt that reports its end breaks the row of expired leases, one that was stopped does not", async () => {
    await runsOut("a", 2);
    await worker.recordFailure(await started(0, "b", longMs), aFailure("b", { cost: "released" }));
    expect(await coordinator.readPartition("run", 0)).toMatchObject({ status: "pending", expiries: 1 });
    await worker.recordFailure(await started(0, "c", longMs), aFailure("c"));
    expect(await coordinator.readPartition("run", 0)).toMatchObject({ status: "pending", expiries: 0 });
    await runsOut("d", 2);
    await worker.acceptReceipt(aReceipt(await started(0, "e", longMs), "e"));
    expect(await coordinator.readPartition("run", 0)).toMatchObject({ status: "accepted", expiries: 0 });
  });
});

describe("workers", () => {
  const note: WorkerNote = {
    ...{ id: "6f2b3c1e-0d7a-4c55-9a0e-3f1d2b4c5a69", host: "machine", pid: 7, version: "0.1.0", threads: 2 },
    tags: ["gpu"],
    lanes: ["backfill"],
  };

  test("are there until they say good-bye, or nothing for too long", async () => {
    expect(await coordinator.listWorkers()).toEqual([]);
    await worker.noteWorker(note, 60_000);
    await worker.noteWorker({ ...note, threads: 3 }, 60_000);
    const [seen, ...others] = await coordinator.listWorkers();
    expect(others).toEqual([]);
    expect(seen).toMatchObject({ ...note, threads: 3 });
    expect(seen?.heardSecondsAgo).toBeGreaterThanOrEqual(0);
    await worker.forgetWorker(note.id);
    expect(await coordinator.listWorkers()).toEqual([]);
    await worker.noteWorker(note, 0);
    expect(await coordinator.listWorkers()).toEqual([]);
  });
});

test("a clock of the database that steps back keeps no lease for as much longer; later leases keep theirs", async () => {
  let stepMs = 0;
  const { ledger, owner } = await there.processes.start({ monotonicMs: () => performance.now() + stepMs });
  await ledger.createRun(aRun("stepped"));
  const own = await ledger.claimRun("stepped", owner, { takeOver: false });
  await ledger.savePlan(own, aPlan(2), somePartitions(2));
  const refs = [await ledger.leasePartition(own, 0), await ledger.leasePartition(own, 1)] as const;
  await worker.startLeased(refs[0], "dead", 2_000);
  await worker.startLeased(refs[1], "alive", longMs);
  expect(await ledger.expireLeases(own)).toBe(0);
  // Seen from here, the database went back by ten minutes: what it wrote before lies that far ahead.
  stepMs = 600_000;
  await there.database.query(
    "update nightshift.ledger_partitions set lease_until = lease_until + interval '10 minutes' where run_id = 'stepped' and index = 0",
  );
  await ledger.expireLeases(own);
  const [first] = await ledger.leaseEnds("stepped");
  expect(first).toMatchObject({ partition: 0 });
  expect(first?.leftMs).toBeLessThanOrEqual(2_000);
  await there.database.query(
    `do $$ begin while (select lease_until > clock_timestamp() from nightshift.ledger_partitions where run_id = 'stepped' and index = 0)
     loop perform pg_sleep(0.02); end loop; end $$`,
  );
  expect(await ledger.expireLeases(own)).toBe(1);
  expect((await ledger.readPartition("stepped", 1)).status).toBe("running");
});

test("a claim from before such a step runs out like one that is made now", async () => {
  const far = await there.processes.start({ where: "elsewhere", renews: false });
  await far.ledger.createRun(aRun("claimed"));
  await far.ledger.claimRun("claimed", far.owner, { takeOver: false });
  await there.database.query(
    "update nightshift.ledger_run_states set claim_until = claim_until + interval '10 minutes' where run_id = 'claimed'",
  );
  const here = await there.processes.start();
  await expect(here.ledger.claimRun("claimed", here.owner, { takeOver: false })).rejects.toMatchObject({
    code: "refused.owner-alive",
  });
  const [row] = await there.database.query<{ seconds: number }>(
    "select extract(epoch from claim_until - clock_timestamp())::float8 as seconds from nightshift.ledger_run_states where run_id = 'claimed'",
  );
  expect(row?.seconds).toBeLessThanOrEqual(60);
});
