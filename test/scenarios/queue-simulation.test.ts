/**
 * Thousands of runs over a queue that keeps no promise, in simulated time: with any death, every partition is accepted once,
 * and every run ends. SIMULATION_SEED runs one seed again, SIMULATION_SEEDS another number of them.
 */
import { describe, expect, test } from "vitest";
import { type FleetFaults, type SimulatedRun, simulateRun } from "../support/simulated-fleet.js";

const one = process.env.SIMULATION_SEED;
const count = Number(process.env.SIMULATION_SEEDS ?? 2000);
const seeds = one === undefined ? Array.from({ length: count }, (_, seed) => seed + 1) : [Number(one)];

/** What went wrong, or nothing. */
function mistakesOf({ isFinished, ledger, overlaps }: SimulatedRun): readonly string[] {
  const { rows, starts, acceptances } = ledger;
  return [
    ...(isFinished ? [] : ["it never ended"]),
    ...rows.filter(({ status }) => status !== "accepted").map(({ index, status }) => `${index} is ${status}`),
    ...(acceptances.length === rows.length ? [] : [`${acceptances.length} were accepted`]),
    ...rows
      .filter(({ index, epoch }) => !acceptances.includes(`${index}/${epoch}`))
      .map(({ index }) => `${index} was accepted from an outdated attempt`),
    ...(new Set(starts).size === starts.length ? [] : ["an epoch was started twice"]),
    ...rows.filter(({ attempts }) => attempts > 0).map(({ index }) => `${index} has used up an attempt`),
    ...overlaps.map((overlap) => `two hosts worked on ${overlap}`),
  ];
}

test(`${seeds.length} seeds: all is accepted once, no two workers score one partition at a time, and it ends`, async () => {
  for (const seed of seeds)
    expect({ seed, mistakes: mistakesOf(await simulateRun(seed)) }).toEqual({ seed, mistakes: [] });
}, 300_000);

describe("a fault that is planted is noticed", () => {
  test.each<[string, FleetFaults, RegExp]>([
    ["a receipt is taken from any attempt", { takesAnyReceipt: true }, /outdated attempt/],
    ["nothing is sent again", { neverReconciles: true }, /never ended/],
    ["a host outlives its lease", { outlivesLeases: true }, /two hosts/],
  ])("%s", async (_, faults, mistake) => {
    for (const seed of seeds) {
      const mistakes = mistakesOf(await simulateRun(seed, faults));
      if (mistakes.some((text) => mistake.test(text))) return;
    }
    expect.unreachable("the check noticed nothing");
  });
});

test("a partition that takes every worker down is given up after ten, and all others are done", async () => {
  for (const seed of seeds.slice(0, 40)) {
    const { error, ledger } = await simulateRun(seed, { killer: 3 });
    expect(error, `seed ${seed}`).toMatchObject({
      code: "data.partition-poisoned",
      message: expect.stringMatching(/^Partition 3 repeatedly crashed workers; all others are done/),
    });
    expect(ledger.rows.filter(({ status }) => status === "accepted")).toHaveLength(7);
    expect(ledger.rows[3]).toMatchObject({ status: "poisoned", expiries: 10, attempts: 0 });
  }
});
