/**
 * What every ledger must do. A ledger's own test calls {@link ledgerConformance} and keeps for
 * itself only what is particular to it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toErrorRecord } from "../../src/errors.js";
import type { PartitionRef, PartitionState } from "../../src/job/partition.js";
import type { Claim, Owner, RunState } from "../../src/job/run.js";
import type { RunEvent } from "../../src/job/run-events.js";
import type { Ledger } from "../../src/ledgers/ledger.js";
import {
  aFailure,
  anError,
  aPartition,
  aPlan,
  aReceipt,
  aRun,
  rowsPerPartition,
  somePartitions,
} from "../support/runs.js";

/** One ledger, empty at first, that any number of processes open. */
export interface LedgerUnderTest {
  startProcess(where?: "here" | "elsewhere"): Promise<LedgerProcess>;
  close(): Promise<void>;
}

/** A process as the ledger sees it: an identity and its own opening of the ledger. */
export interface LedgerProcess {
  readonly ledger: Ledger;
  readonly owner: Owner;
  /** From now on it counts as dead, and its claims are there to be taken. Its ledger can still be called: a zombie's. */
  die(): Promise<void>;
}

export function ledgerConformance(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`${name}: a ledger`, () => {
    let underTest: LedgerUnderTest;
    let process: LedgerProcess;
    let ledger: Ledger;

    beforeEach(async () => {
      underTest = await open();
      process = await underTest.startProcess();
      ledger = process.ledger;
    });
    afterEach(() => underTest.close());

    async function claimed(runId: string): Promise<Claim> {
      await ledger.createRun(aRun(runId));
      return ledger.claimRun(runId, process.owner, { takeOver: false });
    }

    async function planned(runId: string, partitions: number): Promise<Claim> {
      const claim = await claimed(runId);
      await ledger.savePlan(claim, aPlan(partitions), somePartitions(partitions));
      return claim;
    }

    async function started(claim: Claim, partition: number, attemptId: string): Promise<PartitionRef> {
      const ref = await ledger.leasePartition(claim, partition);
      expect(await ledger.startAttempt(ref, attemptId)).toBe("started");
      return ref;
    }

    async function accepted(claim: Claim, partition: number, attemptId: string): Promise<PartitionRef> {
      const ref = await started(claim, partition, attemptId);
      expect(await ledger.acceptReceipt(aReceipt(ref, attemptId))).toBe("accepted");
      return ref;
    }

    /** Publishing, with every partition accepted. */
    async function publishing(runId: string, partitions: number): Promise<Claim> {
      const claim = await planned(runId, partitions);
      for (let index = 0; index < partitions; index++) await accepted(claim, index, `attempt-${index}`);
      await ledger.beginPublish(claim);
      return claim;
    }

    async function state(runId: string, from = ledger): Promise<RunState> {
      const found = await from.readRun(runId);
      if (found === null) throw new Error(`no run ${runId}`);
      return found;
    }

    async function partition(runId: string, index: number, from = ledger): Promise<PartitionState> {
      const found = (await all(from.listPartitions(runId)))[index];
      if (found === undefined) throw new Error(`no partition ${index}`);
      return found;
    }

    async function idsIn(states: AsyncIterable<RunState>): Promise<readonly string[]> {
      return (await all(states)).map(({ run }) => run.id);
    }

    /** Another process takes a run over from the first one, which died. */
    async function resumed(runId: string): Promise<{ claim: Claim; heir: LedgerProcess }> {
      await process.die();
      const heir = await underTest.startProcess();
      return { claim: await heir.ledger.claimRun(runId, heir.owner, { takeOver: false }), heir };
    }

    describe("creating", () => {
      test("a run is created once per key", async () => {
        expect(await ledger.createRun(aRun("one"))).toBe("created");
        expect(await ledger.createRun(aRun("one"))).toBe("exists");
        expect(await ledger.createRun(aRun("two", { key: aRun("one").key }))).toBe("exists");
        expect(await ledger.readRun("two")).toBeNull();
        expect((await state("one")).run).toEqual(aRun("one"));
        expect((await state("one")).status).toBe("created");
      });

      test("the next generation of a key is a run of its own", async () => {
        await ledger.createRun(aRun("one"));
        const key = { ...aRun("one").key, generation: 2 };
        expect(await ledger.createRun(aRun("two", { key }))).toBe("created");
      });

      test("of many processes that create the same key, one does", async () => {
        const others = await Promise.all([1, 2, 3, 4].map(() => underTest.startProcess()));
        const outcomes = await Promise.all(
          others.map(({ ledger }, index) => ledger.createRun(aRun(`run-${index}`, { key: aRun("x").key }))),
        );
        expect(outcomes.toSorted()).toEqual(["created", "exists", "exists", "exists"]);
        const winner = `run-${outcomes.indexOf("created")}`;
        expect((await all(ledger.listRuns())).map(({ run }) => run.id)).toEqual([winner]);
      });

      test.each(["../outside", "a/b", "", ".", "..", ".hidden", "a\0b", "x".repeat(200)])(
        "an id that is no safe name is refused: %j",
        async (id) => {
          await expect(ledger.createRun(aRun(id))).rejects.toMatchObject({ code: "refused.run-id" });
          await expect(ledger.readRun(id)).rejects.toMatchObject({ code: "refused.run-id" });
        },
      );

      test("an id is not given to two keys", async () => {
        await ledger.createRun(aRun("one"));
        const key = { ...aRun("one").key, scope: "another" };
        await expect(ledger.createRun(aRun("one", { key }))).rejects.toMatchObject({
          code: "refused.run-id",
        });
      });
    });

    describe("claiming", () => {
      test("the claim names the owner, and releasing it takes the name away", async () => {
        const claim = await claimed("run");
        expect((await state("run")).owner).toEqual(process.owner);
        await ledger.releaseRun(claim);
        expect((await state("run")).owner).toBeNull();
        await ledger.releaseRun(claim);
      });

      test("a run whose owner is alive is refused, naming it", async () => {
        await claimed("run");
        const other = await underTest.startProcess();
        const claiming = other.ledger.claimRun("run", other.owner, { takeOver: true });
        await expect(claiming).rejects.toMatchObject({
          code: "refused.owner-alive",
          message: expect.stringMatching(new RegExp(`run.*${process.owner.pid}`)),
        });
      });

      test("also for the owner itself", async () => {
        await claimed("run");
        await expect(ledger.claimRun("run", process.owner, { takeOver: true })).rejects.toMatchObject({
          code: "refused.owner-alive",
        });
      });

      test("a released run goes to the process that claims it next", async () => {
        await ledger.releaseRun(await claimed("run"));
        const other = await underTest.startProcess();
        const claim = await other.ledger.claimRun("run", other.owner, { takeOver: false });
        await other.ledger.savePlan(claim, aPlan(1), somePartitions(1));
      });

      test("a dead owner's run goes to the process that claims it next, at a higher epoch", async () => {
        const first = await claimed("run");
        const { claim } = await resumed("run");
        expect(claim.coordinatorEpoch).toBeGreaterThan(first.coordinatorEpoch);
      });

      test("an owner on another host is only superseded by taking over", async () => {
        const far = await underTest.startProcess("elsewhere");
        await ledger.createRun(aRun("run"));
        await far.ledger.claimRun("run", far.owner, { takeOver: false });
        await expect(ledger.claimRun("run", process.owner, { takeOver: false })).rejects.toMatchObject({
          code: "refused.owner-alive",
          message: expect.stringContaining(far.owner.host),
        });
        await ledger.claimRun("run", process.owner, { takeOver: true });
        expect((await state("run")).owner).toEqual(process.owner);
      });

      test("of many that claim at once exactly one owns the run", async () => {
        await ledger.createRun(aRun("run"));
        const claimants = await Promise.all([1, 2, 3, 4, 5].map(() => underTest.startProcess()));
        const outcomes = await Promise.allSettled(
          claimants.map(({ ledger, owner }) => ledger.claimRun("run", owner, { takeOver: true })),
        );
        const won = outcomes.flatMap(({ status }, index) => (status === "fulfilled" ? [index] : []));
        expect(won).toHaveLength(1);
        for (const outcome of outcomes)
          if (outcome.status === "rejected") expect(outcome.reason.code).toBe("refused.owner-alive");
        expect((await state("run")).owner).toEqual(claimants[won[0] ?? -1]?.owner);
      });

      test("a run that isn't there is refused", async () => {
        await expect(ledger.claimRun("none", process.owner, { takeOver: false })).rejects.toMatchObject({
          code: "refused.unknown-run",
        });
      });

      test("a superseded owner gets an error at its next call, and changes nothing", async () => {
        const zombie = process.ledger;
        const claim = await planned("run", 5);
        const ref = await started(claim, 0, "zombie");
        const leased = await ledger.leasePartition(claim, 1);
        const { heir, claim: heirs } = await resumed("run");
        const lost = { code: "infra.claim-lost" };
        await expect(zombie.leasePartition(claim, 2)).rejects.toMatchObject(lost);
        await expect(zombie.beginPublish(claim)).rejects.toMatchObject(lost);
        await expect(zombie.failRun(claim, anError)).rejects.toMatchObject(lost);
        await expect(zombie.reviveFailed(claim)).rejects.toMatchObject(lost);
        await expect(zombie.completeRun(claim, 1)).rejects.toMatchObject(lost);
        await expect(zombie.cancelRun(claim)).rejects.toMatchObject(lost);
        await expect(zombie.dropRun(claim)).rejects.toMatchObject(lost);
        await zombie.releaseRun(claim);
        // What its attempts hand in, wherever it arrives.
        expect(await heir.ledger.acceptReceipt(aReceipt(ref, "zombie"))).toBe("fenced");
        expect(await heir.ledger.startAttempt(leased, "late")).toBe("fenced");
        expect((await state("run", heir.ledger)).status).toBe("running");
        expect((await state("run", heir.ledger)).owner).toEqual(heir.owner);
        expect((await heir.ledger.leasePartition(heirs, 0)).epoch).toBe(2);
      });

      test("an epoch of another claim is no claim", async () => {
        const claim = await planned("run", 1);
        const forged = { ...claim, coordinatorEpoch: claim.coordinatorEpoch + 1 };
        await expect(ledger.leasePartition(forged, 0)).rejects.toMatchObject({ code: "infra.claim-lost" });
      });
    });

    describe("planning", () => {
      test("a plan is saved once and read back as it was, by any process", async () => {
        const claim = await planned("run", 3);
        const other = await underTest.startProcess();
        expect(await other.ledger.readPlan("run")).toEqual(aPlan(3));
        const { status, fingerprint, provider, totals } = await state("run", other.ledger);
        expect({ status, fingerprint, provider, totals }).toEqual({
          status: "planned",
          fingerprint: aPlan(3).fingerprint,
          provider: aPlan(3).profile.provider,
          totals: aPlan(3).totals,
        });
        await expect(ledger.savePlan(claim, aPlan(1), somePartitions(1))).rejects.toMatchObject({
          code: "refused.transition",
        });
        expect(await ledger.readPlan("run")).toEqual(aPlan(3));
      });

      test("before it is saved there is none", async () => {
        await claimed("run");
        expect(await ledger.readPlan("run")).toBeNull();
        expect(await all(ledger.listPartitions("run"))).toEqual([]);
      });

      test("planning that breaks off leaves the run as it was, and may be tried again", async () => {
        const claim = await claimed("run");
        async function* breaksOff() {
          yield aPartition(0);
          throw new Error("the source broke");
        }
        await expect(ledger.savePlan(claim, aPlan(2), breaksOff())).rejects.toThrow("the source broke");
        expect((await state("run")).status).toBe("created");
        await ledger.savePlan(claim, aPlan(2), somePartitions(2));
        expect((await state("run")).status).toBe("planned");
      });

      test("a plan whose partitions don't add up to its totals is refused", async () => {
        const claim = await claimed("run");
        await expect(ledger.savePlan(claim, aPlan(2), somePartitions(1))).rejects.toMatchObject({
          code: "bug.plan",
        });
        async function* outOfOrder() {
          yield aPartition(1);
          yield aPartition(0);
        }
        await expect(ledger.savePlan(claim, aPlan(2), outOfOrder())).rejects.toMatchObject({
          code: "bug.plan",
        });
      });

      test("a task holds everything that a worker needs", async () => {
        const claim = await planned("run", 3);
        const ref = await ledger.leasePartition(claim, 2);
        const other = await underTest.startProcess();
        for (const reader of [ledger, other.ledger])
          expect(await reader.loadTask(ref)).toEqual({
            run: aRun("run"),
            ref,
            plan: aPlan(3),
            partition: aPartition(2),
          });
        await expect(ledger.loadTask({ ...ref, partition: 3 })).rejects.toMatchObject({
          code: "refused.transition",
        });
      });
    });

    describe("forgetting", () => {
      test("removes published and dropped runs; their generations are never given again", async () => {
        const { key } = aRun("run");
        const claim = await publishing("run", 2);
        await ledger.completeRun(claim, 1);
        await ledger.releaseRun(claim);
        const next = { ...aRun("next"), key: { ...key, generation: key.generation + 1 } };
        await ledger.createRun(next);
        expect(await ledger.lastGeneration(key.jobId, key.scope)).toBe(key.generation + 1);

        await ledger.forgetRuns(["run", "next", "never-there"]);
        await ledger.forgetRuns(["run"]);
        expect(await ledger.readRun("run")).toBeNull();
        expect(await idsIn(ledger.listRuns())).toEqual(["next"]);
        expect(await idsIn(ledger.listRuns({ jobId: key.jobId, scope: key.scope }))).toEqual(["next"]);
        expect(await ledger.createRun(aRun("run"))).toBe("exists");
        const dropping = await ledger.claimRun("next", process.owner, { takeOver: false });
        await ledger.dropRun(dropping);
        await ledger.releaseRun(dropping);
        await ledger.forgetRuns(["next"]);
        expect(await idsIn(ledger.listRuns())).toEqual([]);
        expect(await ledger.lastGeneration(key.jobId, key.scope)).toBe(key.generation + 1);
        expect(await ledger.lastGeneration(key.jobId, "another scope")).toBe(0);
        expect(await ledger.createRun(next)).toBe("exists");
        const third = { ...aRun("third"), key: { ...key, generation: key.generation + 2 } };
        expect(await ledger.createRun(third)).toBe("created");
      });
    });

    describe("partitions", () => {
      test("go from pending over leased and running to accepted", async () => {
        const claim = await planned("run", 2);
        expect(await partition("run", 0)).toMatchObject({
          index: 0,
          status: "pending",
          epoch: 0,
          attemptId: null,
          attempts: 0,
          soloDeaths: 0,
          rows: rowsPerPartition,
          receipt: null,
          lastError: null,
        });
        const ref = await ledger.leasePartition(claim, 0);
        expect(ref).toEqual({ runId: "run", partition: 0, epoch: 1 });
        expect((await partition("run", 0)).status).toBe("leased");
        expect((await state("run")).status).toBe("running");
        expect(await ledger.startAttempt(ref, "a")).toBe("started");
        expect(await partition("run", 0)).toMatchObject({ status: "running", attemptId: "a" });
        expect(await ledger.acceptReceipt(aReceipt(ref, "a", 7))).toBe("accepted");
        expect(await partition("run", 0)).toMatchObject({
          status: "accepted",
          epoch: 1,
          attemptId: "a",
          receipt: aReceipt(ref, "a", 7),
        });
        expect(await state("run")).toMatchObject({
          accepted: { partitions: 1, rows: { read: 1000, predicted: 993, quarantined: 7, filtered: 0 } },
          reasons: { null_value: 7 },
          stats: { bytesRead: 4096, seconds: { predict: 1 } },
        });
      });

      test("have statistics that are summed by name, also names that the ledger does not know", async () => {
        const claim = await planned("run", 2);
        for (const index of [0, 1]) {
          const ref = await started(claim, index, `attempt-${index}`);
          const receipt = aReceipt(ref, `attempt-${index}`, 3);
          const more = { nanRows: 2, flagged: 1 + index, ages: { "0-17": 4, "18+": 10 * index } };
          await ledger.acceptReceipt({
            ...receipt,
            stats: { ...receipt.stats, ...more, modelLoadSeconds: 3 },
          });
        }
        const { stats, reasons, accepted: sum } = await state("run");
        expect(sum.rows).toEqual({ read: 2000, predicted: 1994, quarantined: 6, filtered: 0 });
        expect(reasons).toEqual({ null_value: 6 });
        expect(stats).toEqual({
          seconds: { read: 1, hook: 0, bind: 0.5, predict: 2, attach: 0.25, write: 1, stage: 0.5 },
          bytesRead: 8192,
          bytesWritten: 4096,
          nanRows: 4,
          flagged: 3,
          ages: { "0-17": 8, "18+": 10 },
        });
      });

      test("are leased only while pending", async () => {
        const claim = await planned("run", 2);
        const refused = { code: "refused.transition" };
        await ledger.leasePartition(claim, 0);
        await expect(ledger.leasePartition(claim, 0)).rejects.toMatchObject(refused);
        await accepted(claim, 1, "a");
        await expect(ledger.leasePartition(claim, 1)).rejects.toMatchObject(refused);
        await expect(ledger.leasePartition(claim, 2)).rejects.toMatchObject(refused);
        await expect(ledger.leasePartition(claim, -1)).rejects.toMatchObject(refused);
        await expect(ledger.leasePartition(await claimed("unplanned"), 0)).rejects.toMatchObject(refused);
      });

      test("start once an epoch: a message that comes twice starts nothing, nor does the same attempt", async () => {
        const claim = await planned("run", 1);
        const ref = await ledger.leasePartition(claim, 0);
        const outcomes = await Promise.all(["a", "b", "c"].map((id) => ledger.startAttempt(ref, id)));
        expect(outcomes.toSorted()).toEqual(["fenced", "fenced", "started"]);
        for (const id of ["a", "b", "c"]) expect(await ledger.startAttempt(ref, id)).toBe("fenced");
      });

      test("are not started, failed or accepted at an epoch that never was", async () => {
        const claim = await planned("run", 1);
        const ref = await ledger.leasePartition(claim, 0);
        for (const epoch of [0, 2]) {
          expect(await ledger.startAttempt({ ...ref, epoch }, "a")).toBe("fenced");
          expect(await ledger.acceptReceipt(aReceipt({ ...ref, epoch }, "a"))).toBe("fenced");
          expect(await ledger.recordFailure({ ...ref, epoch }, aFailure("a"))).toBe("fenced");
        }
        expect((await partition("run", 0)).status).toBe("leased");
      });

      test("take the receipt of the attempt that was started, and of no other", async () => {
        const claim = await planned("run", 1);
        const ref = await ledger.leasePartition(claim, 0);
        expect(await ledger.acceptReceipt(aReceipt(ref, "never-started"))).toBe("fenced");
        await ledger.startAttempt(ref, "a");
        expect(await ledger.acceptReceipt(aReceipt(ref, "b"))).toBe("fenced");
        expect(await ledger.acceptReceipt(aReceipt(ref, "a"))).toBe("accepted");
        expect(await ledger.acceptReceipt(aReceipt(ref, "b"))).toBe("fenced");
        expect((await partition("run", 0)).receipt?.attemptId).toBe("a");
      });

      test("a receipt may be handed in again after a lost answer; the first one counts, once", async () => {
        const claim = await planned("run", 1);
        const ref = await started(claim, 0, "a");
        const receipts = [aReceipt(ref, "a"), aReceipt(ref, "a"), aReceipt(ref, "a", 5)];
        const outcomes = await Promise.all(receipts.map((receipt) => ledger.acceptReceipt(receipt)));
        expect(outcomes).toEqual(["accepted", "accepted", "accepted"]);
        // Three at once come in any order: one of them is kept, and a later one does not replace it.
        const kept = (await partition("run", 0)).receipt;
        expect(receipts.map(({ rows }) => rows)).toContainEqual(kept?.rows);
        const other = kept?.rows.quarantined === 5 ? aReceipt(ref, "a") : aReceipt(ref, "a", 5);
        expect(await ledger.acceptReceipt(other)).toBe("accepted");
        expect((await state("run")).accepted).toEqual({ partitions: 1, rows: kept?.rows });
        await ledger.beginPublish(claim);
        expect(await ledger.acceptReceipt(aReceipt(ref, "a"))).toBe("accepted");
      });

      test("a late receipt of an older epoch is fenced", async () => {
        const claim = await planned("run", 1);
        const late = await started(claim, 0, "late");
        await ledger.recordFailure(late, aFailure("late", { cost: "host-death" }));
        expect(await ledger.acceptReceipt(aReceipt(late, "late"))).toBe("fenced");
        const ref = await started(claim, 0, "next");
        expect(ref.epoch).toBe(2);
        expect(await ledger.acceptReceipt(aReceipt(late, "late"))).toBe("fenced");
        expect(await ledger.recordFailure(late, aFailure("late"))).toBe("fenced");
        expect(await ledger.acceptReceipt(aReceipt(ref, "next"))).toBe("accepted");
        expect(await ledger.acceptReceipt(aReceipt(late, "late"))).toBe("fenced");
        expect((await partition("run", 0)).receipt?.attemptId).toBe("next");
      });

      test("the epoch fences also where an attempt's name was given twice", async () => {
        const claim = await planned("run", 1);
        const late = await started(claim, 0, "same");
        await ledger.recordFailure(late, aFailure("same", { cost: "host-death" }));
        await started(claim, 0, "same");
        expect(await ledger.acceptReceipt(aReceipt(late, "same"))).toBe("fenced");
        expect(await ledger.recordFailure(late, aFailure("same"))).toBe("fenced");
        expect((await partition("run", 0)).status).toBe("running");
      });

      test("failures cost what they say and go where they say", async () => {
        const claim = await planned("run", 1);
        const costs = ["fault", "host-death", "solo-death", "released", "fault"] as const;
        for (const cost of costs) {
          const ref = await started(claim, 0, cost);
          expect(await ledger.recordFailure(ref, aFailure(cost, { cost }))).toBe("recorded");
          expect((await partition("run", 0)).status).toBe("pending");
        }
        expect(await partition("run", 0)).toMatchObject({
          attempts: 2,
          soloDeaths: 1,
          epoch: 5,
          lastError: anError,
        });
      });

      test("a released attempt leaves the last error as it was", async () => {
        const claim = await planned("run", 1);
        const ref = await started(claim, 0, "a");
        const cancelled = { ...anError, kind: "cancelled", code: "cancelled" } as const;
        await ledger.recordFailure(ref, aFailure("a", { cost: "released", error: cancelled }));
        expect((await partition("run", 0)).lastError).toBeNull();
      });

      test("fail also before they were started, but then only at their epoch", async () => {
        const claim = await planned("run", 1);
        const ref = await ledger.leasePartition(claim, 0);
        expect(await ledger.recordFailure(ref, aFailure("", { cost: "host-death" }))).toBe("recorded");
        expect(await ledger.recordFailure(ref, aFailure("", { cost: "host-death" }))).toBe("fenced");
        expect(await ledger.startAttempt(ref, "a")).toBe("fenced");
      });

      test("another attempt's failure is not the started one's", async () => {
        const claim = await planned("run", 1);
        const ref = await started(claim, 0, "a");
        expect(await ledger.recordFailure(ref, aFailure("b"))).toBe("fenced");
        expect((await partition("run", 0)).status).toBe("running");
      });

      test("failed and poisoned ones wait for a revival, which clears their record and keeps their epoch", async () => {
        const claim = await planned("run", 3);
        for (const [index, next] of (["failed", "poisoned"] as const).entries()) {
          const ref = await started(claim, index, next);
          await ledger.recordFailure(ref, aFailure(next, { next, cost: index ? "solo-death" : "fault" }));
          expect((await partition("run", index)).status).toBe(next);
          await expect(ledger.leasePartition(claim, index)).rejects.toMatchObject({
            code: "refused.transition",
          });
        }
        await accepted(claim, 2, "fine");
        expect(await ledger.reviveFailed(claim)).toBe(2);
        expect(await ledger.reviveFailed(claim)).toBe(0);
        for (const index of [0, 1])
          expect(await partition("run", index)).toMatchObject({
            status: "pending",
            epoch: 1,
            attempts: 0,
            soloDeaths: 0,
            lastError: null,
          });
        expect((await partition("run", 2)).status).toBe("accepted");
        expect((await ledger.leasePartition(claim, 0)).epoch).toBe(2);
      });
    });

    describe("resuming", () => {
      test("keeps what was accepted, with its epoch, and puts the rest back, with theirs", async () => {
        const claim = await planned("run", 5);
        await accepted(claim, 0, "a0");
        await accepted(claim, 1, "a1");
        const running = await started(claim, 2, "a2");
        await ledger.leasePartition(claim, 3);
        const { claim: heirs, heir } = await resumed("run");
        const after = await all(heir.ledger.listPartitions("run"));
        expect(after.map(({ status, epoch }) => [status, epoch])).toEqual([
          ["accepted", 1],
          ["accepted", 1],
          ["pending", 1],
          ["pending", 1],
          ["pending", 0],
        ]);
        expect(after[0]?.receipt?.attemptId).toBe("a0");
        expect(await heir.ledger.acceptReceipt(aReceipt(running, "a2"))).toBe("fenced");
        const again = await heir.ledger.leasePartition(heirs, 2);
        expect(again.epoch).toBe(2);
        expect(await heir.ledger.acceptReceipt(aReceipt(again, "a2"))).toBe("fenced");
        expect(await heir.ledger.readPlan("run")).toEqual(aPlan(5));
      });

      test("works any number of times", async () => {
        let claim = await planned("run", 10);
        let current = process;
        for (let round = 0; round < 10; round++) {
          const ref = await current.ledger.leasePartition(claim, round);
          await current.ledger.startAttempt(ref, `a${round}`);
          expect(await current.ledger.acceptReceipt(aReceipt(ref, `a${round}`))).toBe("accepted");
          if (round === 9) break;
          await current.ledger.leasePartition(claim, 9);
          await current.die();
          current = await underTest.startProcess();
          claim = await current.ledger.claimRun("run", current.owner, { takeOver: false });
        }
        const after = await all(current.ledger.listPartitions("run"));
        expect(after.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 10]);
        const receipts = await current.ledger.beginPublish(claim);
        expect(receipts.map(({ attemptId }) => attemptId)).toEqual(after.map((_, index) => `a${index}`));
      });

      test("goes through owners that died before they did anything", async () => {
        const claim = await planned("run", 1);
        await accepted(claim, 0, "a");
        await process.die();
        for (let round = 0; round < 5; round++) {
          const passing = await underTest.startProcess();
          await passing.ledger.claimRun("run", passing.owner, { takeOver: false });
          await passing.die();
        }
        const heir = await underTest.startProcess();
        await heir.ledger.claimRun("run", heir.owner, { takeOver: false });
        expect((await partition("run", 0, heir.ledger)).status).toBe("accepted");
      });

      test("a failed or cancelled run continues where it stopped", async () => {
        for (const end of ["failed", "cancelled"] as const) {
          const claim = await planned(end, 2);
          await accepted(claim, 0, "a");
          if (end === "failed") await ledger.failRun(claim, anError);
          else await ledger.cancelRun(claim);
          await ledger.releaseRun(claim);
          const again = await ledger.claimRun(end, process.owner, { takeOver: false });
          expect(await state(end)).toMatchObject({ status: "running", error: null });
          await accepted(again, 1, "b");
          expect(await ledger.beginPublish(again)).toHaveLength(2);
        }
      });

      test("one that failed before it was planned is planned then", async () => {
        const claim = await claimed("run");
        await ledger.failRun(claim, anError);
        expect(await state("run")).toMatchObject({ status: "failed", error: anError });
        await ledger.releaseRun(claim);
        const again = await ledger.claimRun("run", process.owner, { takeOver: false });
        expect((await state("run")).status).toBe("created");
        await ledger.savePlan(again, aPlan(1), somePartitions(1));
      });

      test("a publication that was begun stays begun", async () => {
        await publishing("run", 2);
        const { claim, heir } = await resumed("run");
        expect((await state("run", heir.ledger)).status).toBe("publishing");
        await expect(heir.ledger.leasePartition(claim, 0)).rejects.toMatchObject({
          code: "refused.transition",
        });
        expect(await heir.ledger.beginPublish(claim)).toHaveLength(2);
        await heir.ledger.completeRun(claim, 4);
      });
    });

    describe("publishing", () => {
      test("begins only when every partition is accepted, and hands out the receipts in order", async () => {
        const claim = await planned("run", 3);
        const refused = { code: "refused.transition" };
        await expect(ledger.beginPublish(claim)).rejects.toMatchObject(refused);
        const refs = [await accepted(claim, 2, "c"), await accepted(claim, 0, "a")];
        await expect(ledger.beginPublish(claim)).rejects.toMatchObject({
          ...refused,
          message: expect.stringContaining("1 of 3"),
        });
        const last = await started(claim, 1, "b");
        await expect(ledger.beginPublish(claim)).rejects.toMatchObject(refused);
        await ledger.acceptReceipt(aReceipt(last, "b"));
        const receipts = await ledger.beginPublish(claim);
        expect(receipts.map(({ attemptId }) => attemptId)).toEqual(["a", "b", "c"]);
        expect(receipts[2]).toEqual(aReceipt(refs[0] ?? last, "c"));
        expect((await state("run")).status).toBe("publishing");
      });

      test("freezes: nothing is leased or revived afterwards, and it may be asked for again", async () => {
        const claim = await publishing("run", 1);
        const refused = { code: "refused.transition" };
        await expect(ledger.leasePartition(claim, 0)).rejects.toMatchObject(refused);
        await expect(ledger.reviveFailed(claim)).rejects.toMatchObject(refused);
        await expect(ledger.dropRun(claim)).rejects.toMatchObject(refused);
        expect(await ledger.beginPublish(claim)).toHaveLength(1);
      });

      test("ends with the publication's number, once", async () => {
        const claim = await publishing("run", 1);
        await ledger.completeRun(claim, 7);
        await ledger.completeRun(claim, 7);
        expect(await state("run")).toMatchObject({ status: "published", publication: 7 });
        await expect(ledger.completeRun(claim, 8)).rejects.toMatchObject({ code: "refused.transition" });
        await expect(ledger.failRun(claim, anError)).rejects.toMatchObject({ code: "refused.transition" });
        await ledger.releaseRun(claim);
        await expect(ledger.claimRun("run", process.owner, { takeOver: true })).rejects.toMatchObject({
          code: "refused.run-ended",
          message: expect.stringContaining("published"),
        });
      });

      test("is not completed before it was begun", async () => {
        const claim = await planned("run", 1);
        await accepted(claim, 0, "a");
        await expect(ledger.completeRun(claim, 1)).rejects.toMatchObject({ code: "refused.transition" });
      });

      test.each(["created", "running", "failed"] as const)(
        "is adopted from %s where the sink says that another ledger's coordinator published the run",
        async (from) => {
          const claim = from === "created" ? await claimed("run") : await planned("run", 2);
          if (from !== "created") await accepted(claim, 0, "a");
          if (from === "failed") {
            await ledger.failRun(claim, anError);
            await expect(ledger.adoptPublication(claim, 7)).rejects.toMatchObject({
              code: "refused.transition",
            });
            return;
          }
          await ledger.adoptPublication(claim, 7);
          await ledger.adoptPublication(claim, 7);
          expect(await state("run")).toMatchObject({
            status: "published",
            publication: 7,
            accepted: { partitions: from === "created" ? 0 : 1 },
          });
          await expect(ledger.adoptPublication(claim, 8)).rejects.toMatchObject({
            code: "refused.transition",
          });
        },
      );

      test("fails when the sink says that an abort came first", async () => {
        const claim = await publishing("run", 1);
        await ledger.failRun(claim, anError);
        expect(await state("run")).toMatchObject({ status: "failed", error: anError, publication: null });
      });

      test("a plan without partitions publishes at once", async () => {
        const claim = await planned("run", 0);
        expect(await ledger.beginPublish(claim)).toEqual([]);
        await ledger.completeRun(claim, 1);
      });
    });

    describe("ending", () => {
      test.each(["failed", "cancelled", "dropped"] as const)(
        "a %s run takes nothing more from its attempts or its coordinator",
        async (end) => {
          const claim = await planned("run", 2);
          const ref = await started(claim, 0, "a");
          const leased = await ledger.leasePartition(claim, 1);
          if (end === "failed") await ledger.failRun(claim, anError);
          if (end === "cancelled") await ledger.cancelRun(claim);
          if (end === "dropped") await ledger.dropRun(claim);
          expect((await state("run")).status).toBe(end);
          expect(await ledger.acceptReceipt(aReceipt(ref, "a"))).toBe("fenced");
          expect(await ledger.startAttempt(leased, "b")).toBe("fenced");
          expect(await ledger.recordFailure(ref, aFailure("a"))).toBe("fenced");
          const refused = { code: "refused.transition" };
          await expect(ledger.leasePartition(claim, 1)).rejects.toMatchObject(refused);
          await expect(ledger.beginPublish(claim)).rejects.toMatchObject(refused);
          await expect(ledger.completeRun(claim, 1)).rejects.toMatchObject(refused);
          await expect(ledger.failRun(claim, anError)).rejects.toMatchObject(refused);
          await expect(ledger.cancelRun(claim)).rejects.toMatchObject(refused);
        },
      );

      test("a dropped run stays dropped, and its key's next generation may begin", async () => {
        const claim = await planned("run", 1);
        await ledger.dropRun(claim);
        await ledger.releaseRun(claim);
        await expect(ledger.claimRun("run", process.owner, { takeOver: true })).rejects.toMatchObject({
          code: "refused.run-ended",
        });
        const key = { ...aRun("run").key, generation: 2 };
        expect(await ledger.createRun(aRun("next", { key }))).toBe("created");
      });

      test("a failed run can be dropped", async () => {
        const claim = await planned("run", 1);
        await ledger.failRun(claim, anError);
        await ledger.dropRun(claim);
        expect((await state("run")).status).toBe("dropped");
      });
    });

    describe("requests to resume a run", () => {
      const asked = async (from: Ledger = ledger): Promise<readonly string[]> =>
        (await all(from.listRetries())).map(({ run }) => run.id);

      test("any process may, without a claim; every process sees the request", async () => {
        const claim = await planned("run", 1);
        await ledger.failRun(claim, anError);
        await ledger.releaseRun(claim);
        const other = await underTest.startProcess();
        expect(await ledger.isRetryRequested("run")).toBe(false);
        await other.ledger.requestRetry("run");
        await other.ledger.requestRetry("run");
        expect(await ledger.isRetryRequested("run")).toBe(true);
        expect(await all(ledger.listRetries())).toMatchObject([{ run: { id: "run" }, status: "failed" }]);
      });

      test("it stands until the run has ended once more, also if processes die in between", async () => {
        const first = await planned("run", 1);
        await ledger.failRun(first, anError);
        await ledger.releaseRun(first);
        await ledger.requestRetry("run");
        await ledger.claimRun("run", process.owner, { takeOver: false });
        expect(await asked()).toEqual(["run"]);
        await process.die();
        const other = await underTest.startProcess();
        expect(await asked(other.ledger)).toEqual(["run"]);
        const last = await other.ledger.claimRun("run", other.owner, { takeOver: false });
        await other.ledger.failRun(last, anError);
        expect(await asked(other.ledger)).toEqual([]);
        // Nor does it come back when another process resumes the run.
        await other.ledger.releaseRun(last);
        await other.ledger.claimRun("run", other.owner, { takeOver: false });
        expect(await other.ledger.isRetryRequested("run")).toBe(false);
      });

      test("it is over once the run is published, and requested again after another end", async () => {
        const claim = await publishing("run", 1);
        await ledger.requestRetry("run");
        expect(await asked()).toEqual(["run"]);
        await ledger.completeRun(claim, 1);
        expect(await asked()).toEqual([]);
        const second = await planned("second", 1);
        await ledger.requestRetry("second");
        await ledger.cancelRun(second);
        expect(await ledger.isRetryRequested("second")).toBe(false);
        await ledger.requestRetry("second");
        expect(await ledger.isRetryRequested("second")).toBe(true);
      });

      test("it is taken back", async () => {
        const claim = await planned("run", 1);
        await ledger.failRun(claim, anError);
        await ledger.requestRetry("run");
        await ledger.withdrawRetry("run");
        await ledger.withdrawRetry("run");
        expect(await asked()).toEqual([]);
        await ledger.withdrawRetry("none");
      });

      test("a run that is not there is refused", async () => {
        await expect(ledger.requestRetry("none")).rejects.toMatchObject({ code: "refused.unknown-run" });
        await expect(ledger.requestRetry("../x")).rejects.toMatchObject({ code: "refused.run-id" });
      });
    });

    describe("asking its owner to cancel", () => {
      test("any process may, without a claim, and any number of times", async () => {
        const claim = await claimed("run");
        const other = await underTest.startProcess();
        expect(await ledger.isCancelRequested(claim)).toBe(false);
        await other.ledger.requestCancel("run");
        await other.ledger.requestCancel("run");
        expect(await ledger.isCancelRequested(claim)).toBe(true);
        // Asking changes nothing by itself.
        expect((await state("run")).status).toBe("created");
      });

      test("a process that claims the run later is not asked", async () => {
        await planned("run", 1);
        await ledger.requestCancel("run");
        const { claim, heir } = await resumed("run");
        expect(await heir.ledger.isCancelRequested(claim)).toBe(false);
        await ledger.requestCancel("run");
        expect(await heir.ledger.isCancelRequested(claim)).toBe(true);
      });

      test("a run that never had an owner cannot be asked", async () => {
        await ledger.createRun(aRun("run"));
        await ledger.requestCancel("run");
        const claim = await ledger.claimRun("run", process.owner, { takeOver: false });
        expect(await ledger.isCancelRequested(claim)).toBe(false);
      });

      test("another run's owner does not see it", async () => {
        await claimed("run");
        const other = await claimed("other");
        await ledger.requestCancel("run");
        expect(await ledger.isCancelRequested(other)).toBe(false);
      });

      test("a run that is not there is refused", async () => {
        await expect(ledger.requestCancel("none")).rejects.toMatchObject({ code: "refused.unknown-run" });
        await expect(ledger.requestCancel("../x")).rejects.toMatchObject({ code: "refused.run-id" });
      });

      test("the request to an owner that died before it saw the request stays readable", async () => {
        const claim = await planned("run", 1);
        expect(await ledger.isCancelPending("run")).toBe(false);
        await ledger.requestCancel("run");
        await process.die();
        const other = await underTest.startProcess();
        expect(await other.ledger.isCancelPending("run")).toBe(true);
        const next = await other.ledger.claimRun("run", other.owner, { takeOver: false });
        expect(next.coordinatorEpoch).toBe(claim.coordinatorEpoch + 1);
        expect(await other.ledger.isCancelPending("run")).toBe(false);
        await other.ledger.requestCancel("run");
        await other.ledger.cancelRun(next);
        expect(await other.ledger.isCancelPending("run")).toBe(false);
        expect(await other.ledger.isCancelPending("none")).toBe(false);
      });

      test("a publication that lost to an abort ends as cancelled, and takes nothing more", async () => {
        const claim = await publishing("run", 1);
        await ledger.cancelRun(claim);
        expect((await state("run")).status).toBe("cancelled");
        await expect(ledger.completeRun(claim, 1)).rejects.toMatchObject({ code: "refused.transition" });
      });
    });

    describe("asking backfills to stop", () => {
      test("every request has a name of its own, which all processes see", async () => {
        const other = await underTest.startProcess();
        expect(await ledger.lastBackfillStop("daily")).toBeNull();
        const seen = new Set<string | null>([null]);
        for (let request = 0; request < 3; request++) {
          await other.ledger.requestBackfillStop("daily");
          const last = await ledger.lastBackfillStop("daily");
          expect(seen).not.toContain(last);
          expect(await other.ledger.lastBackfillStop("daily")).toBe(last);
          seen.add(last);
        }
      });

      test.each(["daily.1", "daily.", "daily/2", "DAILY"])("%j is another job", async (job) => {
        await ledger.requestBackfillStop(job);
        expect(await ledger.lastBackfillStop("daily")).toBeNull();
        await ledger.requestBackfillStop("daily");
        await ledger.requestBackfillStop("daily");
        expect(await ledger.lastBackfillStop(job)).not.toBeNull();
      });

      test("several that ask at the same moment are all heard", async () => {
        const others = await Promise.all([1, 2, 3].map(() => underTest.startProcess()));
        await ledger.requestBackfillStop("daily");
        const before = await ledger.lastBackfillStop("daily");
        await Promise.all(others.map((each) => each.ledger.requestBackfillStop("daily")));
        expect(await ledger.lastBackfillStop("daily")).not.toBe(before);
      });
    });

    describe("reading", () => {
      test("runs are listed newest first, whatever their clocks said", async () => {
        const times = ["2026-01-03", "2026-01-01", "2026-01-02"];
        for (const [index, day] of times.entries())
          await ledger.createRun(aRun(`run-${index}`, { createdAt: `${day}T00:00:00.000Z` }));
        expect((await all(ledger.listRuns())).map(({ run }) => run.id)).toEqual(["run-2", "run-1", "run-0"]);
      });

      test("by job, scope or name", async () => {
        const scopes = ["2026-01-01", "2026-01-02", "2026-01-02"];
        for (const [index, scope] of scopes.entries())
          await ledger.createRun(
            aRun(`a-${index}`, { key: { jobId: "a", scope, generation: index }, jobName: "alpha" }),
          );
        await ledger.createRun(
          aRun("b", { key: { jobId: "b", scope: "2026-01-02", generation: 1 }, jobName: "beta" }),
        );
        const ids = async (filter: Parameters<Ledger["listRuns"]>[0]) =>
          (await all(ledger.listRuns(filter))).map(({ run }) => run.id);
        expect(await ids({})).toEqual(["b", "a-2", "a-1", "a-0"]);
        expect(await ids({ jobId: "a" })).toEqual(["a-2", "a-1", "a-0"]);
        expect(await ids({ jobId: "a", scope: "2026-01-02" })).toEqual(["a-2", "a-1"]);
        expect(await ids({ scope: "2026-01-02" })).toEqual(["b", "a-2", "a-1"]);
        expect(await ids({ jobName: "beta" })).toEqual(["b"]);
        expect(await ids({ jobId: "a", scope: "2026-01-02", jobName: "beta" })).toEqual([]);
        expect(await ids({ jobId: "none", scope: "2026-01-02" })).toEqual([]);
      });

      test("by trigger, by status, and from a run on", async () => {
        for (const [id, trigger] of [
          ["one", "cli"],
          ["two", "api"],
          ["three", "api"],
        ] as const)
          await ledger.createRun(aRun(id, { trigger }));
        const claim = await ledger.claimRun("two", process.owner, { takeOver: false });
        await ledger.failRun(claim, toErrorRecord(new Error("no")));
        const ids = async (filter: Parameters<Ledger["listRuns"]>[0]) =>
          (await all(ledger.listRuns(filter))).map(({ run }) => run.id);
        expect(await ids({ trigger: "api" })).toEqual(["three", "two"]);
        expect(await ids({ statuses: ["failed", "published"] })).toEqual(["two"]);
        expect(await ids({ statuses: ["created"], trigger: "api" })).toEqual(["three"]);
        expect(await ids({ before: "three" })).toEqual(["two", "one"]);
        expect(await ids({ before: "one" })).toEqual([]);
        expect(await ids({ before: "none" })).toEqual([]);
      });

      test("an empty ledger has no runs", async () => {
        expect(await all(ledger.listRuns())).toEqual([]);
        expect(await ledger.readRun("none")).toBeNull();
        await expect(ledger.readPlan("none")).rejects.toMatchObject({ code: "refused.unknown-run" });
      });

      test("other processes see what the owner was answered", async () => {
        const other = await underTest.startProcess();
        const claim = await planned("run", 3);
        await accepted(claim, 1, "a");
        expect(await state("run", other.ledger)).toEqual(await state("run"));
        expect(await all(other.ledger.listPartitions("run"))).toEqual(
          await all(ledger.listPartitions("run")),
        );
        await accepted(claim, 0, "b");
        expect(await state("run", other.ledger)).toEqual(await state("run"));
      });

      test("partitions are counted by where they stand", async () => {
        expect(await ledger.countPartitions((await claimed("unplanned")).runId)).toEqual({});
        const claim = await planned("run", 6);
        expect(await ledger.countPartitions("run")).toEqual({ pending: 6 });
        await accepted(claim, 0, "a");
        await accepted(claim, 1, "b");
        await started(claim, 2, "c");
        await ledger.leasePartition(claim, 3);
        const failing = await started(claim, 4, "d");
        await ledger.recordFailure(failing, aFailure("d", { next: "failed" }));
        const other = await underTest.startProcess();
        for (const reader of [ledger, other.ledger])
          expect(await reader.countPartitions("run")).toEqual({
            accepted: 2,
            running: 1,
            leased: 1,
            failed: 1,
            pending: 1,
          });
        await expect(ledger.countPartitions("none")).rejects.toMatchObject({ code: "refused.unknown-run" });
      });

      test("a thousand partitions, all running at once", async () => {
        const count = 1000;
        const claim = await planned("run", count);
        const indexes = Array.from({ length: count }, (_, index) => index);
        const refs = await Promise.all(indexes.map((index) => ledger.leasePartition(claim, index)));
        await Promise.all(refs.map((ref) => ledger.startAttempt(ref, `a${ref.partition}`)));
        const outcomes = await Promise.all(
          refs.flatMap((ref) => [
            ledger.acceptReceipt(aReceipt(ref, "imposter")),
            ledger.acceptReceipt(aReceipt(ref, `a${ref.partition}`, ref.partition % 2)),
          ]),
        );
        expect(outcomes.filter((outcome) => outcome === "accepted")).toHaveLength(count);
        const tasks = await Promise.all(refs.slice(-10).map((ref) => ledger.loadTask(ref)));
        expect(tasks.map(({ partition }) => partition.index)).toEqual(indexes.slice(-10));
        const receipts = await ledger.beginPublish(claim);
        expect(receipts.map(({ ref }) => ref.partition)).toEqual(indexes);
        const other = await underTest.startProcess();
        expect((await state("run", other.ledger)).accepted).toEqual({
          partitions: count,
          rows: { read: 1_000_000, predicted: 999_500, quarantined: 500, filtered: 0 },
        });
      });
    });

    describe("changes", () => {
      const types = (events: readonly RunEvent[]) => events.map(({ type }) => type);

      test("report a run from its beginning to its end, then stop", async () => {
        const claim = await planned("run", 1);
        const failed = await started(claim, 0, "a");
        await ledger.recordFailure(failed, aFailure("a"));
        const ref = await started(claim, 0, "b");
        await ledger.acceptReceipt(aReceipt(failed, "a"));
        await ledger.acceptReceipt(aReceipt(ref, "b"));
        await ledger.beginPublish(claim);
        await ledger.completeRun(claim, 3);
        await ledger.releaseRun(claim);
        const other = await underTest.startProcess();
        const events = await all(other.ledger.changes("run", new AbortController().signal));
        expect(types(events)).toEqual([
          "run.started",
          "run.planned",
          "partition.started",
          "partition.failed",
          "partition.started",
          "partition.fenced",
          "partition.accepted",
          "run.publishing",
          "run.published",
        ]);
        expect(events[0]).toMatchObject({ runId: "run", job: "flight-delay", resumed: false });
        expect(events[1]).toMatchObject({ totals: aPlan(1).totals, threads: 2, provider: "cpu" });
        expect(events[3]).toMatchObject({ partition: 0, epoch: 1, error: anError, next: "pending" });
        expect(events[6]).toMatchObject({ partition: 0, epoch: 2, rows: aReceipt(ref, "b").rows });
        expect(events[8]).toMatchObject({ publication: 3, target: "/out/scores" });
      });

      test("are followed while they happen, by another process, across owners", async () => {
        const other = await underTest.startProcess();
        await ledger.createRun(aRun("run"));
        const seen: RunEvent[] = [];
        const following = (async () => {
          for await (const event of other.ledger.changes("run", new AbortController().signal))
            seen.push(event);
        })();
        const claim = await ledger.claimRun("run", process.owner, { takeOver: false });
        await ledger.savePlan(claim, aPlan(2), somePartitions(2));
        await accepted(claim, 0, "a");
        await until(() => seen.length === 4);
        const { claim: heirs, heir } = await resumed("run");
        const ref = await heir.ledger.leasePartition(heirs, 1);
        await heir.ledger.startAttempt(ref, "b");
        await heir.ledger.acceptReceipt(aReceipt(ref, "b"));
        await heir.ledger.beginPublish(heirs);
        await heir.ledger.completeRun(heirs, 1);
        await following;
        expect(types(seen)).toEqual([
          "run.started",
          "run.planned",
          "partition.started",
          "partition.accepted",
          "run.started",
          "partition.started",
          "partition.accepted",
          "run.publishing",
          "run.published",
        ]);
        expect(seen[4]).toMatchObject({ resumed: true });
      });

      test("continue over a failure that was resumed", async () => {
        const claim = await planned("run", 0);
        await ledger.failRun(claim, anError);
        await ledger.releaseRun(claim);
        const again = await ledger.claimRun("run", process.owner, { takeOver: false });
        await ledger.beginPublish(again);
        await ledger.completeRun(again, 1);
        expect(types(await all(ledger.changes("run", new AbortController().signal)))).toEqual([
          "run.started",
          "run.planned",
          "run.failed",
          "run.started",
          "run.publishing",
          "run.published",
        ]);
      });

      test("stop when the signal fires", async () => {
        await claimed("run");
        const stop = new AbortController();
        const events: RunEvent[] = [];
        for await (const event of ledger.changes("run", stop.signal)) {
          events.push(event);
          setTimeout(() => stop.abort(), 20);
        }
        expect(types(events)).toEqual(["run.started"]);
      });

      test("of a run that isn't there are refused", async () => {
        const events = all(ledger.changes("none", new AbortController().signal));
        await expect(events).rejects.toMatchObject({ code: "refused.unknown-run" });
      });
    });
  });
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const gathered: T[] = [];
  for await (const item of items) gathered.push(item);
  return gathered;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}
