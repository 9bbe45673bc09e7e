/**
 * A whole run on a disk that forgets what was not synced. The power is cut after every single operation; what was
 * acknowledged before that must be there afterwards, and the run must go on.
 */
import { describe, expect, test } from "vitest";
import type { PartitionState } from "../../src/job/partition.js";
import type { Claim, RunState } from "../../src/job/run.js";
import { all } from "../conformance/ledger.js";
import { journalProcesses } from "../support/journal-processes.js";
import { aFailure, aPlan, aReceipt, aRun, somePartitions } from "../support/runs.js";
import {
  type Operation,
  type SimulatedDisk,
  simulatedDisk,
  type UnsyncedContents,
} from "../support/simulated-disk.js";

const stateDir = "/home/user/.nightshift";

/** What must be true of the run from the moment on at which a caller was answered so. */
interface Acknowledged {
  readonly what: string;
  readonly holds: (found: Found) => boolean;
}

/** The run after the power cut. */
interface Found {
  readonly run: RunState;
  readonly partitions: readonly PartitionState[];
  /** Of its owner at that time, `null` before the first claim. */
  readonly coordinatorEpoch: number | null;
}

interface Moment {
  readonly when: string;
  readonly disk: SimulatedDisk;
  readonly acknowledged: readonly Acknowledged[];
}

interface Outcome {
  readonly contents: UnsyncedContents;
  readonly names: "lost" | "kept";
}

const allOutcomes: readonly Outcome[] = (["lost", "half", "zeros", "kept"] as const).flatMap((contents) => [
  { contents, names: "lost" as const },
  { contents, names: "kept" as const },
]);

/** The worst two: enough to see that a sync was left out. */
const worstOutcomes: readonly Outcome[] = [
  { contents: "lost", names: "lost" },
  { contents: "lost", names: "kept" },
];

interface Recording {
  readonly moments: readonly Moment[];
  /** The running step when an operation was left out; `null` when none was. */
  readonly leftOutDuring: string | null;
}

/** Two owners, one after the other, take a run through everything; every change of the disk is a moment. */
async function record(
  outcomes: readonly Outcome[],
  leaveOut: (operation: Operation) => boolean = () => false,
): Promise<Recording> {
  const disk = simulatedDisk();
  const acknowledged: Acknowledged[] = [];
  const moments: Moment[] = [];
  let underWay = "";
  let leftOutDuring: string | null = null;

  function remember(when: string): void {
    for (const outcome of outcomes)
      moments.push({
        when: `${when}, contents ${outcome.contents}, names ${outcome.names}`,
        disk: disk.afterPowerCut(outcome),
        acknowledged: [...acknowledged],
      });
  }

  const processes = journalProcesses(
    stateDir,
    disk.view({
      afterChange: ({ name, path }) => remember(`after ${name} ${path}`),
      skips(operation) {
        if (!leaveOut(operation)) return false;
        leftOutDuring = `${underWay}: ${operation.name}`;
        return true;
      },
    }),
  );

  async function step<T>(what: string, work: Promise<T>, holds: (found: Found, result: T) => boolean) {
    underWay = what;
    const result = await work;
    acknowledged.push({ what, holds: (found) => holds(found, result) });
    remember(`when told: ${what}`);
    return result;
  }

  const at = ({ partitions }: Found, index: number) => partitions[index];
  const { ledger, owner, die } = processes.start();
  await step("create", ledger.createRun(aRun("run")), () => true);
  const claim = await step("claim", ledger.claimRun("run", owner, { takeOver: false }), epochGrew);
  const saving = ledger.savePlan(claim, aPlan(3), somePartitions(3));
  await step("plan", saving, ({ run, partitions }) => run.status !== "created" && partitions.length === 3);
  const ref = await step("lease 0", ledger.leasePartition(claim, 0), (found) => at(found, 0)?.epoch === 1);
  await step("start 0", ledger.startAttempt(ref, "a"), () => true);
  await step(
    "accept 0",
    ledger.acceptReceipt(aReceipt(ref, "a")),
    (found) => at(found, 0)?.status === "accepted",
  );
  const failing = await step(
    "lease 1",
    ledger.leasePartition(claim, 1),
    (found) => (at(found, 1)?.epoch ?? 0) >= 1,
  );
  const failed = ledger.recordFailure(failing, aFailure("b"));
  await step("fail 1", failed, (found) => at(found, 1)?.attempts === 1);
  await die();

  const heir = processes.start();
  const heirs = await step(
    "claim again",
    heir.ledger.claimRun("run", heir.owner, { takeOver: false }),
    epochGrew,
  );
  const refs = await Promise.all(
    [1, 2].map((index) =>
      step(
        "lease 1 and 2",
        heir.ledger.leasePartition(heirs, index),
        (found, leased) => at(found, index)?.epoch === leased.epoch,
      ),
    ),
  );
  for (const leased of refs) {
    await step("start 1 or 2", heir.ledger.startAttempt(leased, "c"), () => true);
    const accepting = heir.ledger.acceptReceipt(aReceipt(leased, "c"));
    await step(
      "accept 1 or 2",
      accepting,
      (found) => at(found, leased.partition)?.receipt?.attemptId === "c",
    );
  }
  await step("begin", heir.ledger.beginPublish(heirs), ({ run }) => run.status.startsWith("publish"));
  await step("complete", heir.ledger.completeRun(heirs, 5), ({ run }) => run.publication === 5);
  await step("release", heir.ledger.releaseRun(heirs), ({ run }) => run.owner === null);
  return { moments, leftOutDuring };
}

function epochGrew({ coordinatorEpoch }: Found, claim: Claim): boolean {
  return coordinatorEpoch === null || coordinatorEpoch > claim.coordinatorEpoch;
}

/** Opens the ledger on what the power cut left, before and after another process takes the run over. */
async function lostAt({ disk, acknowledged }: Moment): Promise<readonly string[]> {
  if (acknowledged.length === 0) return [];
  const { ledger, owner } = journalProcesses(stateDir, disk.view()).start();
  const missing = async (coordinatorEpoch: number | null) => {
    const [run] = await all(ledger.listRuns());
    if (run === undefined) return ["the run"];
    const found = { run, partitions: await all(ledger.listPartitions("run")), coordinatorEpoch };
    return acknowledged.filter(({ holds }) => !holds(found)).map(({ what }) => what);
  };
  try {
    const before = await missing(null);
    const run = await ledger.readRun("run");
    if (run === null) return ["the run"];
    if (run.status === "published") return before;
    const claim = await ledger.claimRun("run", owner, { takeOver: false });
    const after = await missing(claim.coordinatorEpoch);
    if (run.status === "created") await ledger.savePlan(claim, aPlan(3), somePartitions(3));
    return [...before, ...after];
  } catch (error) {
    return [`the run: ${error}`];
  }
}

describe("a power cut after any operation of a run", () => {
  test("loses nothing that was acknowledged, and the run continues", async () => {
    const { moments } = await record(allOutcomes);
    for (const moment of moments) expect(await lostAt(moment), moment.when).toEqual([]);
    expect(moments.length).toBeGreaterThan(300);
  });

  test("is caught losing something when any single sync that promises something is left out", async () => {
    const uncaught: string[] = [];
    for (let leftOut = 0; ; leftOut++) {
      let syncs = 0;
      const isLeftOut = ({ name }: Operation) => /^sync/.test(name) && syncs++ === leftOut;
      const { moments, leftOutDuring } = await record(worstOutcomes, isLeftOut);
      if (leftOutDuring === null) break;
      if (!(await losesSomething(moments))) uncaught.push(leftOutDuring);
    }
    expect(uncaught).toEqual([
      // Makes another process's creation durable; here the creator had done so.
      "claim: syncDirectory",
      // An attempt dies with the machine. Synced all the same: a line begins only after the one before it was.
      "start 0: sync",
      "claim again: syncDirectory",
      // That the claim holds. What it honours is durable without it, and so is that it was linked.
      "claim again: sync",
      "start 1 or 2: sync",
      "start 1 or 2: sync",
    ]);
  });

  test("keeps a run whose creator died before it had made that durable, once another process continued it", async () => {
    const disk = simulatedDisk();
    const dying = disk.view({
      before({ name, path }) {
        if (name === "syncDirectory" && path.startsWith(`${stateDir}/keys/`)) throw new Error("killed");
      },
    });
    const creator = journalProcesses(stateDir, dying).start();
    await expect(creator.ledger.createRun(aRun("run"))).rejects.toThrow("killed");
    const { ledger, owner } = journalProcesses(stateDir, disk.view()).start();
    const claim = await ledger.claimRun("run", owner, { takeOver: false });
    await ledger.savePlan(claim, aPlan(3), somePartitions(3));
    const after = disk.afterPowerCut({ contents: "lost", names: "lost" });
    const reader = journalProcesses(stateDir, after.view()).start();
    expect((await reader.ledger.readRun("run"))?.status).toBe("planned");
  });
});

async function losesSomething(moments: readonly Moment[]): Promise<boolean> {
  for (const moment of moments) if ((await lostAt(moment)).length > 0) return true;
  return false;
}
