/** What is asked of a queue: that it brings refs, keeps apart what is not the same, and complains clearly. */
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Queue as BullQueue, Worker as BullWorker, createPostgresBackend, withBackend } from "bullmq";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { bullmqQueue, queueName } from "../../src/dispatchers/queue/bullmq-queue.js";
import { migrateQueue, postgresBackend } from "../../src/dispatchers/queue/postgres-backend.js";
import { redisBackend, redisPassword } from "../../src/dispatchers/queue/redis-backend.js";
import type { Queue } from "../../src/dispatchers/queue.js";
import { type Channel, channelsOf, type Lane, laneNames } from "../../src/job/lane.js";
import type { PartitionRef } from "../../src/job/partition.js";
import { pause, systemClock } from "../../src/wiring/system-clock.js";
import { takeMessages } from "../../src/worker/take-messages.js";
import { cuttingProxy } from "../support/cutting-proxy.js";
import { urlOf } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";
import { type RedisServer, startRedis } from "../support/redis-server.js";

const ref = (partition: number, epoch = 1): PartitionRef => ({
  runId: "flights-2026.01-g1",
  partition,
  epoch,
});

const channel: Channel = { tag: "cpu", lane: "scheduled" };

describe.each(["redis", "postgres"] as const)("a queue on %s", (kind) => {
  let server: RedisServer | TestDatabase;
  let queue: Queue;
  let url: string;

  beforeEach(async () => {
    if (kind === "redis") {
      const redis = await startRedis();
      server = redis;
      url = redis.url;
    } else {
      const database = await createDatabase();
      server = database;
      url = database.url;
      await migrateQueue(urlOf(url));
    }
    queue = await open();
  });

  async function open(): Promise<Queue> {
    const backend = kind === "redis" ? await redisBackend(url, 500) : await postgresBackend(urlOf(url), 500);
    return bullmqQueue(backend, {});
  }

  afterEach(async () => {
    await queue.close();
    await ("drop" in server ? server.drop() : server.remove());
  });

  /** Collects what comes; `hold` keeps messages until they are let go. */
  function receiving(atOnce = 4) {
    const taken: PartitionRef[] = [];
    let wake = (): void => undefined;
    let letGo = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    return {
      taken,
      letGo,
      start(hold: boolean): void {
        const stop = takeMessages({
          ...{
            queue,
            channels: [channel],
            threads: atOnce,
            clock: systemClock,
            pause,
            onRefused: () => undefined,
          },
          async take(message) {
            taken.push(message);
            wake();
            if (hold) await gate;
          },
        });
        onTestFinished(stop);
      },
      async until(count: number): Promise<readonly PartitionRef[]> {
        while (taken.length < count)
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        return taken;
      },
    };
  }

  test("returns the number of messages that no worker has taken", async () => {
    const waiting = async () => (await queue.pending())[queueName(channel)];
    expect(await waiting()).toBe(0);
    await queue.push([ref(0), ref(1), ref(2)], channel);
    expect(await waiting()).toBe(3);
    const receiver = receiving(1);
    receiver.start(true);
    await receiver.until(1);
    expect(await waiting()).toBe(2);
    receiver.letGo();
    await receiver.until(3);
  });

  test("brings every ref once", async () => {
    const receiver = receiving();
    receiver.start(false);
    await queue.push([ref(0), ref(1), ref(2)], channel);
    const taken = await receiver.until(3);
    expect(taken.map(({ partition }) => partition).sort()).toEqual([0, 1, 2]);
    expect(taken[0]).toEqual(ref(taken[0]?.partition ?? -1));
  });

  test("leaves alone what it has, waiting or running", async () => {
    const receiver = receiving();
    await queue.push([ref(0)], channel);
    await queue.push([ref(0)], channel);
    receiver.start(true);
    await receiver.until(1);
    await queue.push([ref(0), ref(1)], channel);
    await receiver.until(2);
    receiver.letGo();
    expect(receiver.taken).toEqual([ref(0), ref(1)]);
  });

  test("takes a partition's next epoch for another message, while it still holds the last one", async () => {
    const receiver = receiving();
    receiver.start(true);
    await queue.push([ref(0, 1)], channel);
    await receiver.until(1);
    await queue.push([ref(0, 2)], channel);
    expect(await receiver.until(2)).toEqual([ref(0, 1), ref(0, 2)]);
    receiver.letGo();
  });

  test("brings again what was taken care of, when it is asked to", async () => {
    const receiver = receiving();
    receiver.start(false);
    await queue.push([ref(0)], channel);
    await receiver.until(1);
    // It forgets a message a moment after its taker is done with it.
    while (receiver.taken.length < 2) {
      await queue.push([ref(0)], channel);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(receiver.taken.slice(0, 2)).toEqual([ref(0), ref(0)]);
  });

  test("a message whose taker is gone comes again", async () => {
    await queue.push([ref(0)], channel);
    const gone = await lostTaker(kind, url);
    const receiver = receiving();
    receiver.start(false);
    expect(await receiver.until(1)).toEqual([ref(0)]);
    await gone.end();
  });

  test("a message that is held for longer than its lock comes to no other worker", async () => {
    const receiver = receiving();
    receiver.start(true);
    await queue.push([ref(0)], channel);
    await receiver.until(1);
    const other = await open();
    const elsewhere: PartitionRef[] = [];
    const stop = takeMessages({
      ...{
        queue: other,
        channels: [channel],
        threads: 1,
        clock: systemClock,
        pause,
        onRefused: () => undefined,
      },
      take: async (message) => void elsewhere.push(message),
    });
    // Several times its lock.
    await sleep(4_000);
    stop();
    expect(elsewhere).toEqual([]);
    receiver.letGo();
    await other.close();
  });

  test("lanes and tags are kept apart, and of those that wait, three scheduled come for one of a backfill", async () => {
    const inLane = (lane: Lane, count: number): readonly PartitionRef[] =>
      Array.from({ length: count }, (_, partition) => ({ runId: lane, partition, epoch: 1 }));
    const gpu = { tag: "gpu", lane: "scheduled" } as const;
    await queue.push(inLane("backfill", 8), { tag: "cpu", lane: "backfill" });
    await queue.push(inLane("scheduled", 12), channel);
    await queue.push([{ ...ref(0), runId: "on-gpu" }], gpu);
    const taken: string[] = [];
    let ended = (): void => undefined;
    const all = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const stop = takeMessages({
      ...{ queue, threads: 1, clock: systemClock, pause, onRefused: () => undefined },
      channels: channelsOf(["cpu"], laneNames),
      async take({ runId }) {
        taken.push(runId);
        // Goes before everything that has waited longer.
        if (taken.length === 4) await queue.push(inLane("events", 1), { tag: "cpu", lane: "events" });
        // An empty channel is not asked again at once.
        if (taken.length === 4) await pause(300);
        if (taken.length === 21) ended();
      },
    });
    onTestFinished(stop);
    await all;
    expect(taken[4]).toBe("events");
    expect(
      taken
        .filter((lane) => lane !== "events")
        .slice(0, 16)
        .filter((lane) => lane === "backfill"),
    ).toHaveLength(4);
    expect(taken).not.toContain("on-gpu");
    expect(await queue.pending([gpu])).toMatchObject({ "gpu-scheduled": 1 });
  });

  test.each(["everything", "answers"] as const)(
    "connections that are half open (%s) are replaced, and messages go on",
    async (what) => {
      const behind = new URL(url);
      const proxy = await cuttingProxy({ host: behind.hostname, port: Number(behind.port) });
      behind.port = String(proxy.port);
      const backend =
        kind === "redis"
          ? await redisBackend(behind.href, 500, 300)
          : await postgresBackend(urlOf(behind.href), 500, 300);
      const far = bullmqQueue(backend, {});
      const taken = new Set<number>();
      const stop = takeMessages({
        ...{
          queue: far,
          channels: [channel],
          threads: 1,
          clock: systemClock,
          pause,
          onRefused: () => undefined,
        },
        take: async ({ partition }) => void taken.add(partition),
      });
      onTestFinished(stop);
      // As a coordinator does: what no worker has begun is pushed again.
      const deliver = async (partition: number): Promise<void> => {
        while (!taken.has(partition)) {
          await Promise.race([far.push([ref(partition)], channel).catch(() => undefined), sleep(200)]);
          await sleep(50);
        }
      };
      await deliver(0);
      proxy.freeze(what);
      await deliver(1);
      await far.close();
      await proxy.close();
    },
  );

  test("a taker that fails is not tried again: the ledger decides about that", async () => {
    let calls = 0;
    const stop = takeMessages({
      ...{ queue, channels: [channel], threads: 1, clock: systemClock, pause, onRefused: () => undefined },
      async take() {
        calls += 1;
        throw new Error("no ledger");
      },
    });
    onTestFinished(stop);
    await queue.push([ref(0)], channel);
    const receiver = receiving();
    while (calls < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    receiver.start(false);
    await queue.push([ref(1)], channel);
    while (calls + receiver.taken.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(calls + receiver.taken.length).toBe(2);
  });
});

/** Takes one message and then disappears. */
async function lostTaker(kind: "redis" | "postgres", url: string) {
  let taken = (): void => undefined;
  const hasTaken = new Promise<void>((resolve) => {
    taken = resolve;
  });
  const options = { lockDuration: 500, skipLockRenewal: true, skipStalledCheck: true };
  const handle = (): Promise<never> => {
    taken();
    return new Promise(() => undefined);
  };
  const worker =
    kind === "redis"
      ? new BullWorker(queueName(channel), handle, { connection: { url }, prefix: "nightshift", ...options })
      : new (withBackend(createPostgresBackend).Worker)(queueName(channel), handle, {
          connection: { connectionString: url, schema: "nightshift_queue" },
          ...options,
        });
  worker.on("error", () => undefined);
  await hasTaken;
  return { end: () => worker.close(true) };
}

describe("on Postgres", () => {
  test("a connection that breaks while the queue sees to its tables does not end the process", async () => {
    const database = await createDatabase();
    await migrateQueue(urlOf(database.url));
    const behind = new URL(database.url);
    const proxy = await cuttingProxy({ host: behind.hostname, port: Number(behind.port) });
    behind.port = String(proxy.port);
    const queue = bullmqQueue(await postgresBackend(urlOf(behind.href)), {});
    try {
      proxy.cutAt("migration", "delivered");
      await expect(queue.push([ref(0)], channel)).rejects.toThrow(/terminated|closed/);
      expect(proxy.cuts()).toBe(1);
      await queue.push([ref(0)], channel);
    } finally {
      await queue.close();
      await proxy.close();
      await database.drop();
    }
  });
});

describe("on Redis", () => {
  test("what another program put there is dropped, and nothing of a password is shown", async () => {
    const redis = await startRedis();
    const queue = bullmqQueue(await redisBackend(redis.url), {});
    const other = new BullQueue(queueName(channel), { connection: { url: redis.url }, prefix: "nightshift" });
    try {
      const taken: PartitionRef[] = [];
      const stop = takeMessages({
        ...{ queue, channels: [channel], threads: 1, clock: systemClock, pause, onRefused: () => undefined },
        take: async (message) => void taken.push(message),
      });
      onTestFinished(stop);
      for (const data of [{ runId: 7 }, null, { runId: "r", partition: -1, epoch: 1 }, "text"])
        await other.add("partition", data);
      await queue.push([ref(0)], channel);
      while (taken.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(taken).toEqual([ref(0)]);
      const named = await redisBackend(redis.url.replace("redis://", "redis://:hidden@")).catch(
        (error) => error,
      );
      expect(JSON.stringify(named) + String(named.message ?? named.place)).not.toContain("hidden");
      await named.close?.();
    } finally {
      await other.close();
      await queue.close();
      await redis.remove();
    }
  });

  test("a server that is not there is infra.unreachable", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    await new Promise((resolve) => server.close(resolve));
    await expect(redisBackend(`redis://:secret@127.0.0.1:${port}/0`)).rejects.toMatchObject({
      code: "infra.unreachable",
      message: expect.stringMatching(/^The queue at redis:\/\/127\.0\.0\.1:\d+\/0 cannot be reached/),
    });
  });

  test("a URL that cannot be read is refused without repeating it", async () => {
    await expect(redisBackend("redis://:secret@[")).rejects.toMatchObject({ code: "queue.invalid" });
    expect(redisPassword("redis://u:p%40ss@h:1/0")).toBe("p@ss");
  });
});

test("a database without a queue's tables is refused with what to do", async () => {
  const database = await createDatabase();
  await expect(postgresBackend(urlOf(database.url))).rejects.toMatchObject({
    code: "postgres.not-migrated",
    hint: expect.stringContaining("nightshift migrate --queue"),
  });
  await database.drop();
});

test("a database that refuses says so: permanently if the tables are gone, temporarily if it is read-only", async () => {
  const database = await createDatabase();
  await migrateQueue(urlOf(database.url));
  const name = new URL(database.url).pathname.slice(1);
  const told: unknown[] = [];
  const onTrouble = (error: Error) => void told.push(error);
  await database.query(`alter database "${name}" set default_transaction_read_only = on`);
  const reading = bullmqQueue(await postgresBackend(urlOf(database.url)), { onTrouble });
  await expect(reading.push([ref(0)], channel)).rejects.toMatchObject({
    code: "infra.queue-unready",
    details: { sqlstate: "25006" },
  });
  await reading.close();
  await database.query(
    `begin read write; alter database "${name}" reset default_transaction_read_only; commit`,
  );
  const queue = bullmqQueue(await postgresBackend(urlOf(database.url)), { onTrouble });
  await queue.push([ref(0)], channel);
  await database.query("drop schema nightshift_queue cascade");
  const gone = { code: "infra.queue-refused", hint: expect.stringContaining("nightshift migrate --queue") };
  await expect(queue.push([ref(1)], channel)).rejects.toMatchObject(gone);
  await expect(queue.take(channel)).rejects.toMatchObject(gone);
  expect(told).toContainEqual(expect.objectContaining({ code: "infra.queue-refused" }));
  await queue.close();
  await database.drop();
});
