/** The order of lanes at a worker: shares while lanes wait, no saved-up turns, and a thread that is kept for events. */
import { describe, expect, test } from "vitest";
import { type Channel, channelsOf, type Lane, laneNames } from "../../src/job/lane.js";
import type { PartitionRef } from "../../src/job/partition.js";
import { laneTurns } from "../../src/worker/lane-turns.js";
import { takeMessages } from "../../src/worker/take-messages.js";
import { seededRandom } from "../support/seeded-random.js";

const all = channelsOf(["cpu"], laneNames);

/** What is taken from lanes with this number of waiting messages. */
function taken(waiting: { [lane in Lane]: number }, count: number, turns = laneTurns()): readonly Lane[] {
  const lanes: Lane[] = [];
  for (let index = 0; index < count; index++) {
    const next = turns.order(all).find(({ lane }) => waiting[lane] > 0);
    if (next === undefined) break;
    waiting[next.lane] -= 1;
    turns.took(next);
    lanes.push(next.lane);
  }
  return lanes;
}

const share = (lanes: readonly Lane[], lane: Lane): number => lanes.filter((each) => each === lane).length;

describe("turns", () => {
  test("three scheduled for one of a backfill while both wait, in any four", () => {
    const lanes = taken({ events: 0, scheduled: 100, backfill: 100 }, 40);
    for (let from = 0; from < 36; from += 4) expect(share(lanes.slice(from, from + 4), "backfill")).toBe(1);
  });

  test("events go first, and starve no other lane", () => {
    const lanes = taken({ events: 1_000, scheduled: 1_000, backfill: 1_000 }, 200);
    expect(lanes[0]).toBe("events");
    expect([share(lanes, "events"), share(lanes, "scheduled"), share(lanes, "backfill")]).toEqual([
      160, 30, 10,
    ]);
  });

  test("a lane that is alone has every turn", () => {
    expect(share(taken({ events: 0, scheduled: 0, backfill: 9 }, 20), "backfill")).toBe(9);
  });

  test("a lane that had nothing for long has saved up no turns", () => {
    const turns = laneTurns();
    taken({ events: 0, scheduled: 300, backfill: 0 }, 300, turns);
    expect(share(taken({ events: 0, scheduled: 100, backfill: 100 }, 8, turns), "backfill")).toBe(2);
    taken({ events: 0, scheduled: 0, backfill: 300 }, 300, turns);
    const after = share(taken({ events: 0, scheduled: 100, backfill: 100 }, 8, turns), "scheduled");
    expect([6, 7]).toContain(after);
  });

  test("in one lane, tags take turns", () => {
    const turns = laneTurns();
    const channels = channelsOf(["cpu", "gpu"], ["scheduled"]);
    const tags = Array.from({ length: 6 }, () => {
      const [next] = turns.order(channels);
      if (next !== undefined) turns.took(next);
      return next?.tag;
    });
    expect(tags).toEqual(["cpu", "gpu", "cpu", "gpu", "cpu", "gpu"]);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "seed %i: in any sequence, no lane that waits is passed over for long",
    (seed) => {
      const random = seededRandom(seed);
      const turns = laneTurns();
      const waiting = { events: 0, scheduled: 0, backfill: 0 };
      const passedOver = { events: 0, scheduled: 0, backfill: 0 };
      for (let step = 0; step < 1_000; step++) {
        for (const lane of laneNames) if (random() < 0.4) waiting[lane] += Math.floor(random() * 3);
        if (random() < 0.01) for (const lane of laneNames) waiting[lane] = 0;
        const [lane] = taken(waiting, 1, turns);
        for (const each of laneNames)
          passedOver[each] = each === lane || waiting[each] === 0 ? 0 : passedOver[each] + 1;
        expect(passedOver.backfill).toBeLessThan(24);
        expect(passedOver.scheduled).toBeLessThan(10);
        expect(passedOver.events).toBeLessThan(3);
      }
    },
  );
});

describe("a worker", () => {
  /** A queue that never runs dry, and reports what is running. */
  async function underWay(
    threads: number,
    channels: readonly Channel[],
    lanes: readonly Lane[],
  ): Promise<readonly string[]> {
    const open: string[] = [];
    let partition = 0;
    const stop = takeMessages({
      threads,
      channels,
      clock: { now: () => new Date(0), monotonicMs: () => partition },
      onRefused: () => undefined,
      pause: () => new Promise((resolve) => setImmediate(resolve)),
      queue: {
        place: "a script",
        push: async () => undefined,
        pending: async () => ({}),
        close: async () => undefined,
        async take({ lane }) {
          partition += 1_000;
          if (!lanes.includes(lane)) return null;
          const ref: PartitionRef = { runId: lane, partition, epoch: 1 };
          return { ref, done: () => undefined };
        },
      },
      take({ runId }) {
        open.push(runId);
        return new Promise(() => undefined);
      },
    });
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    stop();
    return open.toSorted();
  }

  test("does what there is on all its threads, and has one more for events", async () => {
    expect(await underWay(2, all, ["scheduled"])).toEqual(["scheduled", "scheduled"]);
    expect(await underWay(1, all, ["backfill"])).toEqual(["backfill"]);
    expect(await underWay(2, all, ["events"])).toEqual(["events", "events", "events"]);
  });

  test("of one thread begins with an event while that is taken", async () => {
    expect(await underWay(1, all, ["backfill", "events"])).toEqual(["backfill", "events"]);
  });

  test("that serves no events has no thread for them", async () => {
    expect(await underWay(2, channelsOf(["cpu"], ["backfill"]), ["backfill"])).toEqual([
      "backfill",
      "backfill",
    ]);
  });
});
