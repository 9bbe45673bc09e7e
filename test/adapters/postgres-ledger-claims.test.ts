/** Two owners of one run, with leases on the database's clock. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Claim } from "../../src/job/run.js";
import type { Ledger } from "../../src/ledgers/ledger.js";
import { all } from "../conformance/ledger.js";
import { emptyLedger, type TestProcess } from "../support/postgres-ledgers.js";
import { aFailure, anError, aPlan, aReceipt, aRun, somePartitions } from "../support/runs.js";

const there = emptyLedger();

const lost = { code: "infra.claim-lost" };
const leaseMs = 400;

async function planned({ ledger, owner }: TestProcess, partitions: number): Promise<Claim> {
  await ledger.createRun(aRun("run"));
  const claim = await ledger.claimRun("run", owner, { takeOver: false });
  await ledger.savePlan(claim, aPlan(partitions), somePartitions(partitions));
  return claim;
}

async function accepted(ledger: Ledger, claim: Claim, partition: number, attemptId: string): Promise<void> {
  const ref = await ledger.leasePartition(claim, partition);
  await ledger.startAttempt(ref, attemptId);
  expect(await ledger.acceptReceipt(aReceipt(ref, attemptId))).toBe("accepted");
}

/** By the database's clock, and no other. */
async function leaseRunsOut(): Promise<void> {
  await there.database.query(
    "do $$ begin while (select claim_until > clock_timestamp() from nightshift.ledger_run_states) loop perform pg_sleep(0.02); end loop; end $$",
  );
}

describe("a lease", () => {
  test("holds while it is renewed, however long the run takes", async () => {
    const far = await there.processes.start({ where: "elsewhere", leaseMs });
    const near = await there.processes.start();
    await planned(far, 1);
    for (let round = 0; round < 4; round++) {
      await sleep(leaseMs / 2);
      await expect(near.ledger.claimRun("run", near.owner, { takeOver: false })).rejects.toMatchObject({
        code: "refused.owner-alive",
        message: expect.stringContaining("far-host"),
        hint: expect.stringMatching(/runs out in 1 s unless it is renewed.*--take-over does not wait/),
      });
    }
    expect((await near.ledger.readRun("run"))?.owner).toEqual(far.owner);
  });

  test("that runs out gives the run to the next process that asks, from any host, without --take-over", async () => {
    const far = await there.processes.start({ where: "elsewhere", leaseMs, renews: false });
    const near = await there.processes.start();
    const claim = await planned(far, 2);
    await accepted(far.ledger, claim, 0, "a");
    await leaseRunsOut();
    expect((await near.ledger.readRun("run"))?.owner).toBeNull();
    const heirs = await near.ledger.claimRun("run", near.owner, { takeOver: false });
    expect(heirs.coordinatorEpoch).toBe(2);
    await accepted(near.ledger, heirs, 1, "b");
    expect((await near.ledger.beginPublish(heirs)).map(({ attemptId }) => attemptId)).toEqual(["a", "b"]);
  });

  test("that ran out still holds if no other process claimed the run, and is renewed", async () => {
    const slow = await there.processes.start({ where: "elsewhere", leaseMs, renews: false });
    const claim = await planned(slow, 1);
    await leaseRunsOut();
    await accepted(slow.ledger, claim, 0, "a");
    expect(await slow.ledger.beginPublish(claim)).toHaveLength(1);
  });

  test("is not waited for once it was released", async () => {
    const far = await there.processes.start({ where: "elsewhere" });
    const near = await there.processes.start();
    await far.ledger.releaseRun(await planned(far, 1));
    await near.ledger.claimRun("run", near.owner, { takeOver: false });
  });

  test("is not renewed by a process whose ledger was closed", async () => {
    const far = await there.processes.start({ where: "elsewhere", leaseMs });
    const near = await there.processes.start();
    await planned(far, 1);
    await far.ledger.close();
    await leaseRunsOut();
    await near.ledger.claimRun("run", near.owner, { takeOver: false });
  });

  test("of a zombie is not renewed into its heir's", async () => {
    const zombie = await there.processes.start({ where: "elsewhere", leaseMs });
    const heir = await there.processes.start({ leaseMs: 60_000 });
    await planned(zombie, 1);
    await heir.ledger.claimRun("run", heir.owner, { takeOver: true });
    await sleep(leaseMs);
    const [row] = await there.database.query<{ left: number }>(
      "select extract(epoch from claim_until - clock_timestamp())::float8 as left from nightshift.ledger_run_states",
    );
    expect(row?.left).toBeGreaterThan(30);
    expect((await heir.ledger.readRun("run"))?.owner).toEqual(heir.owner);
  });
});

describe("a coordinator that was stopped past its lease, and continued", () => {
  test("learns of it from its own attempts' reports too, and nothing is doubled", async () => {
    const zombie = await there.processes.start({ where: "elsewhere", leaseMs, renews: false });
    const heir = await there.processes.start();
    const claim = await planned(zombie, 3);
    const running = await zombie.ledger.leasePartition(claim, 0);
    await zombie.ledger.startAttempt(running, "zombie");
    const leased = await zombie.ledger.leasePartition(claim, 1);
    await leaseRunsOut();
    const heirs = await heir.ledger.claimRun("run", heir.owner, { takeOver: false });
    for (const index of [0, 1, 2]) await accepted(heir.ledger, heirs, index, `heir-${index}`);

    await expect(zombie.ledger.acceptReceipt(aReceipt(running, "zombie"))).rejects.toMatchObject(lost);
    await expect(zombie.ledger.startAttempt(leased, "late")).rejects.toMatchObject(lost);
    await expect(zombie.ledger.recordFailure(running, aFailure("zombie"))).rejects.toMatchObject(lost);
    await expect(zombie.ledger.leasePartition(claim, 2)).rejects.toMatchObject(lost);
    await expect(zombie.ledger.beginPublish(claim)).rejects.toMatchObject(lost);
    await expect(zombie.ledger.failRun(claim, anError)).rejects.toMatchObject(lost);

    const receipts = await heir.ledger.beginPublish(heirs);
    expect(receipts.map(({ attemptId }) => attemptId)).toEqual(["heir-0", "heir-1", "heir-2"]);
    expect((await heir.ledger.readRun("run"))?.accepted.rows.read).toBe(3000);
  });

  test("cannot save its plan over its heir's", async () => {
    const zombie = await there.processes.start({ where: "elsewhere", renews: false });
    const heir = await there.processes.start();
    await zombie.ledger.createRun(aRun("run"));
    const claim = await zombie.ledger.claimRun("run", zombie.owner, { takeOver: false });
    const heirs = await heir.ledger.claimRun("run", heir.owner, { takeOver: true });
    await heir.ledger.savePlan(heirs, aPlan(2), somePartitions(2));
    await expect(zombie.ledger.savePlan(claim, aPlan(5), somePartitions(5))).rejects.toMatchObject(lost);
    expect(await heir.ledger.readPlan("run")).toEqual(aPlan(2));
    expect(await all(heir.ledger.listPartitions("run"))).toHaveLength(2);
  });

  test("loses the run in the middle of saving its plan", async () => {
    const zombie = await there.processes.start({ where: "elsewhere", renews: false });
    const heir = await there.processes.start();
    await zombie.ledger.createRun(aRun("run"));
    const claim = await zombie.ledger.claimRun("run", zombie.owner, { takeOver: false });
    async function* overtaken() {
      yield* somePartitions(1);
      await heir.ledger.claimRun("run", heir.owner, { takeOver: true });
    }
    await expect(zombie.ledger.savePlan(claim, aPlan(1), overtaken())).rejects.toMatchObject(lost);
    expect(await heir.ledger.readPlan("run")).toBeNull();
    expect(await all(heir.ledger.listPartitions("run"))).toEqual([]);
  });
});

describe("races", () => {
  test("an abort against a publication: one wins, and the other one learns which", async () => {
    const wins = { publishing: 0, taken: 0 };
    for (let round = 0; round < 12; round++) {
      await there.database.query("truncate nightshift.ledger_runs cascade");
      const publisher = await there.processes.start({ where: "elsewhere" });
      const aborter = await there.processes.start();
      const claim = await planned(publisher, 1);
      await accepted(publisher.ledger, claim, 0, "a");
      const [published, taken] = await Promise.allSettled([
        sleep(round % 4).then(() => publisher.ledger.beginPublish(claim)),
        aborter.ledger.claimRun("run", aborter.owner, { takeOver: true }),
      ]);
      if (taken.status === "rejected") throw taken.reason;
      const heirs = taken.value;
      // In either order the sink decides between them; the old owner writes nothing any more.
      await expect(publisher.ledger.completeRun(claim, 1)).rejects.toMatchObject(lost);
      const status = (await aborter.ledger.readRun("run"))?.status;
      if (published.status === "fulfilled") {
        wins.publishing += 1;
        expect(published.value).toHaveLength(1);
        expect(status).toBe("publishing");
        await expect(aborter.ledger.dropRun(heirs)).rejects.toMatchObject({ code: "refused.transition" });
        await aborter.ledger.failRun(heirs, anError);
      } else {
        wins.taken += 1;
        expect(published.reason).toMatchObject(lost);
        expect(status).toBe("running");
      }
      await aborter.ledger.dropRun(heirs);
      expect((await aborter.ledger.readRun("run"))?.status).toBe("dropped");
    }
    expect(wins.publishing + wins.taken).toBe(12);
  });

  test("receipts and leases of an old owner against a new one: what counts was done under one of them", async () => {
    const old = await there.processes.start({ where: "elsewhere" });
    const heir = await there.processes.start();
    const count = 60;
    const claim = await planned(old, count);
    const working = Array.from({ length: count }, async (_, index) => {
      const ref = await old.ledger.leasePartition(claim, index);
      await old.ledger.startAttempt(ref, `old-${index}`);
      return old.ledger.acceptReceipt(aReceipt(ref, `old-${index}`));
    });
    const worked = Promise.allSettled(working);
    await sleep(30);
    const heirs = await heir.ledger.claimRun("run", heir.owner, { takeOver: true });
    const outcomes = await worked;
    const states = await all(heir.ledger.listPartitions("run"));
    for (const [index, outcome] of outcomes.entries()) {
      const said = outcome.status === "fulfilled" ? outcome.value : outcome.reason.code;
      expect(said === "accepted").toBe(states[index]?.status === "accepted");
      if (said !== "accepted") {
        expect(said).toBe("infra.claim-lost");
        expect(states[index]?.status).toBe("pending");
      }
    }
    for (const { index, status } of states)
      if (status === "pending") await accepted(heir.ledger, heirs, index, `heir-${index}`);
    expect(await heir.ledger.beginPublish(heirs)).toHaveLength(count);
    expect((await heir.ledger.readRun("run"))?.accepted).toMatchObject({
      partitions: count,
      rows: { read: count * 1000 },
    });
    const events = await there.database.query<{ seq: string }>(
      "select seq from nightshift.ledger_events order by seq",
    );
    expect(events.map(({ seq }) => Number(seq))).toEqual(events.map((_, place) => place + 1));
  });
});
