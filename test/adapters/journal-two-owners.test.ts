/**
 * Two owners of one run. An old one, taken for dead, hands in a receipt while a new one claims the run: every order in
 * which their operations can reach the disk is tried. Then several claimants at once, in random orders.
 */
import { describe, expect, test } from "vitest";
import type { Claim } from "../../src/job/run.js";
import type { Ledger } from "../../src/ledgers/ledger.js";
import { all } from "../conformance/ledger.js";
import { journalProcesses, type TestProcess } from "../support/journal-processes.js";
import { aPlan, aReceipt, aRun, somePartitions } from "../support/runs.js";
import { type Operation, simulatedDisk } from "../support/simulated-disk.js";

const stateDir = "/state";

/** What one owner can see of another; syncs and temporary files are not among it. */
const visible = new Set<Operation["name"]>(["list", "stat", "readRange", "append", "link"]);

/** One actor whose visible operations on the run's files wait until the test releases them. */
class Actor {
  #waiting: (() => void)[] = [];
  #isHeld = false;

  readonly before = ({ name, path }: Operation): Promise<void> | undefined => {
    if (!this.#isHeld || !visible.has(name) || !path.startsWith(`${stateDir}/runs/`)) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  };

  hold(): void {
    this.#isHeld = true;
  }

  letGo(): void {
    this.#isHeld = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Lets one operation happen, and everything that follows until the next one. `false`: there was none. */
  async step(): Promise<boolean> {
    const next = this.#waiting.shift();
    next?.();
    await settled();
    return next !== undefined;
  }
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

interface Stage {
  readonly actors: readonly Actor[];
  readonly claimants: readonly TestProcess[];
  readonly observer: TestProcess;
  readonly old: Ledger;
  readonly oldClaim: Claim;
  /** Hands in the receipt of partition 1, as the old owner. */
  readonly accept: () => Promise<string>;
}

/** A planned run with one accepted partition and one that is running, under an owner that looks dead. */
async function setStage(claimants: number): Promise<Stage> {
  const disk = simulatedDisk();
  const processes = journalProcesses(stateDir, disk.view());
  const actors = Array.from({ length: claimants + 1 }, () => new Actor());
  const views = actors.map(({ before }) => disk.view({ before }));
  const [oldProcess, ...others] = views.map((fileSystem) => processes.start({ fileSystem }));
  if (oldProcess === undefined) throw new Error("an actor is missing");
  const { ledger: old, owner } = oldProcess;
  await old.createRun(aRun("run"));
  const oldClaim = await old.claimRun("run", owner, { takeOver: false });
  await old.savePlan(oldClaim, aPlan(3), somePartitions(3));
  const refs = [await old.leasePartition(oldClaim, 0), await old.leasePartition(oldClaim, 1)];
  for (const ref of refs) await old.startAttempt(ref, `old-${ref.partition}`);
  for (const ref of refs.slice(0, 1)) await old.acceptReceipt(aReceipt(ref, `old-${ref.partition}`));
  for (const { die } of [oldProcess, ...others]) await die();
  return {
    actors,
    claimants: others,
    observer: processes.start(),
    old,
    oldClaim,
    accept: () => old.acceptReceipt(aReceipt(refs[1] ?? { runId: "", partition: 0, epoch: 0 }, "old-1")),
  };
}

/** Starts work of every actor at once and lets their operations happen in the given order; the rest follows after it. */
async function perform<T>(
  actors: readonly Actor[],
  work: readonly (() => Promise<T>)[],
  order: Iterable<number>,
): Promise<{ outcomes: readonly PromiseSettledResult<T>[]; steps: readonly number[] }> {
  for (const actor of actors) actor.hold();
  const outcomes = Promise.allSettled(work.map((one) => one()));
  await settled();
  const steps = actors.map(() => 0);
  for (const index of order)
    if ((await actors[index]?.step()) === true) steps[index] = (steps[index] ?? 0) + 1;
  for (const [index, actor] of actors.entries())
    while (await actor.step()) steps[index] = (steps[index] ?? 0) + 1;
  for (const actor of actors) actor.letGo();
  return { outcomes: await outcomes, steps };
}

function codeOf(outcome: PromiseSettledResult<unknown> | undefined): string {
  if (outcome?.status === "fulfilled") return typeof outcome.value === "string" ? outcome.value : "claimed";
  return outcome?.reason.code;
}

const claimed = (process: TestProcess) => () =>
  process.ledger.claimRun("run", process.owner, { takeOver: false }) as Promise<unknown>;

describe("an old owner and a new one", () => {
  test("in every order of their operations, a partition that the old one saw accepted stays accepted", async () => {
    const alone = await setStage(1);
    const operations = await perform(alone.actors, [alone.accept, ...alone.claimants.map(claimed)], []);
    const [acceptSteps = 0, claimSteps = 0] = operations.steps;
    expect(acceptSteps).toBe(3);
    expect(claimSteps).toBeGreaterThan(10);
    const seen = new Map<string, number>();
    for (const places of choose(acceptSteps, acceptSteps + claimSteps)) {
      const order = Array.from({ length: acceptSteps + claimSteps }, (_, at) =>
        places.includes(at) ? 0 : 1,
      );
      const stage = await setStage(1);
      const { outcomes } = await perform(
        stage.actors,
        [stage.accept, ...stage.claimants.map(claimed)],
        order,
      );
      const told = codeOf(outcomes[0]);
      const [claimant] = stage.claimants;
      expect(codeOf(outcomes[1]), order.join("")).toBe("claimed");
      const [mine = [], anybodys = []] = await Promise.all(
        [claimant, stage.observer].map((process) =>
          all((process ?? stage.observer).ledger.listPartitions("run")),
        ),
      );
      expect(anybodys, order.join("")).toEqual(mine);
      expect(mine[0]?.status).toBe("accepted");
      if (told === "accepted")
        expect(mine[1], order.join("")).toMatchObject({ status: "accepted", epoch: 1 });
      else expect(told, order.join("")).toBe("infra.claim-lost");
      await expect(stage.old.leasePartition(stage.oldClaim, 2)).rejects.toMatchObject({
        code: "infra.claim-lost",
      });
      const kept = `${told}, then ${mine[1]?.status}`;
      seen.set(kept, (seen.get(kept) ?? 0) + 1);
    }
    // Accepted and lost, honoured though the caller was not told, and void.
    expect([...seen.keys()].sort()).toEqual([
      "accepted, then accepted",
      "infra.claim-lost, then accepted",
      "infra.claim-lost, then pending",
    ]);
  });
});

describe("several claimants that take each other for dead", () => {
  test("in random orders of their operations, exactly one claim holds in the end and nothing is lost", async () => {
    const random = seeded(20260115);
    const holders = new Map<number, number>();
    for (let round = 0; round < 400; round++) {
      const stage = await setStage(3);
      const order = Array.from({ length: 120 }, () => Math.floor(random() * stage.actors.length));
      const { outcomes } = await perform(
        stage.actors,
        [stage.accept, ...stage.claimants.map(claimed)],
        order,
      );
      const partitions = await all(stage.observer.ledger.listPartitions("run"));
      if (codeOf(outcomes[0]) === "accepted")
        expect(partitions[1]?.status, `round ${round}`).toBe("accepted");
      const leases = await Promise.allSettled(
        stage.claimants.map(async ({ ledger }, index) => {
          const outcome = outcomes[index + 1];
          if (outcome?.status === "rejected") throw outcome.reason;
          return ledger.leasePartition(outcome?.value as Claim, 2);
        }),
      );
      for (const outcome of leases)
        if (outcome.status === "rejected")
          expect(["infra.claim-lost", "refused.owner-alive"]).toContain(outcome.reason.code);
      const holding = leases.filter(({ status }) => status === "fulfilled").length;
      holders.set(holding, (holders.get(holding) ?? 0) + 1);
    }
    expect([...holders.keys()]).toEqual([1]);
  });
});

/** Every way to choose `count` of the numbers below `of`. */
function* choose(count: number, of: number, from = 0): Generator<readonly number[]> {
  if (count === 0) yield [];
  else
    for (let first = from; first <= of - count; first++)
      for (const rest of choose(count - 1, of, first + 1)) yield [first, ...rest];
}

/** Park and Miller's generator. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
