/** What every sink promises. An implementation's test hands in a way to make fresh targets. */

import { describe, expect, it } from "vitest";
import type { WriteMode } from "../../src/job/output.js";
import type { Receipt } from "../../src/job/partition.js";
import type { Run } from "../../src/job/run.js";
import { keptForRollback, type Sink } from "../../src/sinks/sink.js";
import { jobWith } from "../support/jobs.js";

export interface SinkTarget {
  sink(mode: WriteMode): Sink;
  /** Does the workers' part: partitions of the run hold these numbers. */
  stage(run: Run, partitions: readonly (readonly number[])[]): Promise<readonly Receipt[]>;
  /** The numbers that readers find, in order; `null` where there is no output. */
  read(): Promise<readonly number[] | null>;
}

const fingerprint = "f".repeat(64);

export function sinkConformance(name: string, freshTarget: () => Promise<SinkTarget>): void {
  describe(`${name} keeps the contract of a sink`, () => {
    async function publish(target: SinkTarget, run: Run, partitions: readonly (readonly number[])[]) {
      return target.sink("replace").publish(run, fingerprint, await target.stage(run, partitions));
    }

    it("shows nothing of what is staged", async () => {
      const target = await freshTarget();
      await target.stage(run("a"), [[1]]);
      expect(await target.read()).toBeNull();
      expect(await target.sink("replace").lookup("a")).toBeNull();
    });

    it("publishes in the order of the partitions, not of the receipts", async () => {
      const target = await freshTarget();
      const receipts = await target.stage(run("a"), [[1, 2], [3], [4]]);
      await target.sink("replace").publish(run("a"), fingerprint, [...receipts].reverse());
      expect(await target.read()).toEqual([1, 2, 3, 4]);
    });

    it("publishes once, for any number of requests from any process", async () => {
      const target = await freshTarget();
      const receipts = await target.stage(run("a"), [[1]]);
      const decisions = [
        await target.sink("replace").publish(run("a"), fingerprint, receipts),
        await target.sink("replace").publish(run("a"), fingerprint, receipts),
        await target.sink("replace").abort(run("a")),
        await target.sink("replace").lookup("a"),
      ];
      expect(new Set(decisions.map((decision) => JSON.stringify(decision))).size).toBe(1);
      expect(decisions[0]?.outcome).toBe("commit");
    });

    it("lets one of two publishers at once win, and the other adopt it", async () => {
      const target = await freshTarget();
      const receipts = await target.stage(run("a"), [[1]]);
      const [one, two] = await Promise.all([
        target.sink("replace").publish(run("a"), fingerprint, receipts),
        target.sink("replace").publish(run("a"), fingerprint, receipts),
      ]);
      expect(one).toEqual(two);
      expect(await target.read()).toEqual([1]);
    });

    it("never publishes what was aborted", async () => {
      const target = await freshTarget();
      const receipts = await target.stage(run("a"), [[1]]);
      expect(await target.sink("replace").abort(run("a"))).toMatchObject({ outcome: "abort" });
      const late = await target.sink("replace").publish(run("a"), fingerprint, receipts);
      expect(late).toMatchObject({ outcome: "abort" });
      expect(await target.read()).toBeNull();
    });

    it("reports the live publication of a job and scope without a ledger", async () => {
      const target = await freshTarget();
      const decision = await publish(target, run("a", 3), [[1]]);
      expect(await target.sink("replace").published("job", "scope")).toMatchObject({
        publication: decision.publication,
        runId: "a",
        generation: 3,
        fingerprint,
      });
      expect(await target.sink("replace").published("job", "another")).toBeNull();
      expect(await target.sink("replace").published("another", "scope")).toBeNull();
    });

    it("never lets an older generation take the place of a newer one", async () => {
      const target = await freshTarget();
      await publish(target, run("new", 2), [[2]]);
      await expect(publish(target, run("old", 1), [[1]])).rejects.toMatchObject({
        code: "refused.newer-generation",
      });
      expect(await target.read()).toEqual([2]);
    });

    it("rolls back to the publication before, which makes the run unpublished", async () => {
      const target = await freshTarget();
      await publish(target, run("a", 1), [[1]]);
      await publish(target, run("b", 2), [[2]]);
      expect(await target.sink("replace").rollback()).toMatchObject({
        visibleRunId: "a",
        hiddenRunIds: ["b"],
      });
      expect(await target.read()).toEqual([1]);
      expect(await target.sink("replace").published("job", "scope")).toMatchObject({ runId: "a" });
      await publish(target, run("c", 3), [[3]]);
      expect(await target.read()).toEqual([3]);
    });

    it("rolls back several publications at once, and as many as are kept", async () => {
      const target = await freshTarget();
      const sink = target.sink("replace");
      for (const [at, id] of ["a", "b", "c", "d", "e"].entries())
        await publish(target, run(id, at + 1), [[at]]);
      await expect(sink.rollback(keptForRollback + 1)).rejects.toMatchObject({
        code: "refused.nothing-to-roll-back",
      });
      expect(await target.read()).toEqual([4]);
      expect(await sink.rollback(2)).toMatchObject({ visibleRunId: "c", hiddenRunIds: ["e", "d"] });
      expect(await target.read()).toEqual([2]);
      expect(await sink.lookup("d")).toMatchObject({ outcome: "commit", rolledBack: true });
      expect(await sink.published("job", "scope")).toMatchObject({ runId: "c" });
      expect(await sink.rollback(keptForRollback - 2)).toMatchObject({ visibleRunId: "b" });
      expect(await target.read()).toEqual([1]);
      await expect(sink.rollback()).rejects.toMatchObject({ code: "refused.nothing-to-roll-back" });
      await publish(target, run("f", 6), [[5]]);
      expect(await sink.rollback()).toMatchObject({ visibleRunId: "b", hiddenRunIds: ["f"] });
      expect(await target.read()).toEqual([1]);
    });

    it("refuses a rollback without anything before it", async () => {
      const target = await freshTarget();
      const refusal = { code: "refused.nothing-to-roll-back" };
      await expect(target.sink("replace").rollback()).rejects.toMatchObject(refusal);
      await publish(target, run("a"), [[1]]);
      await expect(target.sink("replace").rollback()).rejects.toMatchObject(refusal);
      expect(await target.read()).toEqual([1]);
    });

    it("refuses in mode error what exists, before anything runs", async () => {
      const target = await freshTarget();
      await target.sink("error").check(run("a"));
      await publish(target, run("a"), [[1]]);
      const refusal = { code: "refused.target-exists" };
      await expect(target.sink("error").check(run("b", 2))).rejects.toMatchObject(refusal);
      await target.sink("error").check(run("a"));
      await target.sink("replace").check(run("b", 2));
    });

    it("collects nothing that a decision may still need", async () => {
      const target = await freshTarget();
      const receipts = await target.stage(run("a"), [[1]]);
      const live = async () => new Set(receipts.map((receipt) => receipt.attemptId));
      expect((await target.sink("replace").collect(live, false)).removed).toEqual([]);
      await target.sink("replace").publish(run("a"), fingerprint, receipts);
      await target.sink("replace").collect(async () => new Set(), false);
      expect(await target.read()).toEqual([1]);
    });
  });
}

function run(id: string, generation = 1): Run {
  return {
    id,
    key: { jobId: "job", scope: "scope", generation },
    jobName: "nightly",
    specPath: null,
    target: "out",
    trigger: "library",
    interval: null,
    job: jobWith(),
    guess: false,
    createdAt: "2026-01-01T00:00:00.000Z",
  };
}
