/** A real Redis that answers and refuses: coordinator and worker say what is in the way, then end or go on. */
import { mkdirSync } from "node:fs";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keysBelow, keysIn } from "../support/flight-project.js";
import { type Finished, jsonLinesOf, said } from "../support/nightshift.js";
import { type Fleet, queueFleet } from "../support/queue-fleet.js";

let fleet: Fleet;
let redis: Redis;

beforeEach(async () => {
  fleet = await queueFleet("redis", { files: 4 });
  redis = new Redis(fleet.queueUrl);
});

afterEach(async () => {
  redis.disconnect();
  await fleet.remove();
});

interface Refusal {
  readonly code: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly details: { readonly [name: string]: unknown };
}

/** What a command with `--json` ended with. */
function errorOf({ stderr }: Finished): Refusal {
  const [line = "{}"] = stderr.split("\n").filter((each) => each.startsWith("{"));
  return JSON.parse(line).error;
}

test.each([
  ["wait", "string", "list"],
  ["active", "string", "list"],
  ["id", "string that is not a number", "whole number"],
  ["marker", "string", "zset"],
])(
  "another program's key is named, both end, and work goes on once it is gone: %s",
  async (name, found, expected) => {
    const key = `nightshift:cpu-scheduled:${name}`;
    await redis.set(key, "x");
    // BullMQ asks for a counter only when something is put there.
    const worker = name === "id" ? null : await fleet.worker();
    const run = await fleet.run().finished;
    expect(run.status).toBe(1);
    expect(errorOf(run)).toMatchObject({
      ...{ code: "infra.queue-refused", retryable: false, details: { key, found, expected } },
      hint: expect.stringContaining(`redis-cli DEL ${key}`),
    });
    const stopped = await worker?.finished;
    if (stopped !== undefined) {
      expect(stopped.status).toBe(1);
      expect(errorOf(stopped)).toMatchObject({ code: "infra.queue-refused", details: { key } });
    }
    await redis.del(key);
    await fleet.worker();
    await expectPublished(await fleet.retry().finished);
  },
);

test("a user who may not use the keys: both end, and the hint's rights are enough", async () => {
  await redis.call("ACL", "SETUSER", "queue", "on", ">secret", "~other:*", "&*", "+@all");
  const env = { NIGHTSHIFT_QUEUE: fleet.queueUrl.replace("redis://", "redis://queue:secret@") };
  const worker = await fleet.worker({ env });
  const run = await fleet.run({ env }).finished;
  expect(run.status).toBe(1);
  const refusal = errorOf(run);
  expect(refusal).toMatchObject({ code: "infra.queue-refused", details: { answer: "NOPERM" } });
  expect((await worker.finished).status).toBe(1);
  const [, rights = ""] = /ACL SETUSER <user> ([^)]*)\)/.exec(refusal.hint) ?? [];
  await redis.call(
    "ACL",
    "SETUSER",
    "queue",
    "resetkeys",
    "resetchannels",
    "nocommands",
    ...rights.split(" "),
  );
  await fleet.worker({ env });
  await expectPublished(await fleet.retry({ env }).finished);
});

const passing = [
  {
    answer: "OOM",
    begin: () => redis.config("SET", "maxmemory", "1"),
    end: () => redis.config("SET", "maxmemory", "0"),
  },
  {
    answer: "READONLY",
    begin: () => redis.replicaof("127.0.0.1", "1"),
    end: () => redis.replicaof("NO", "ONE"),
  },
];

test.each(passing)(
  "a server that may get over it is waited for, and that is said: $answer",
  async ({ answer, begin, end }) => {
    const worker = await fleet.worker();
    const told = said(worker, answer);
    await begin();
    await told;
    const run = fleet.run();
    await said(run, answer);
    await end();
    const finished = await run.finished;
    expect(finished.stderr).toMatch(/answers again/);
    await expectPublished(finished);
  },
);

test("a server that cannot save: a worker waits, a coordinator does not begin, and the hint names the disk", async () => {
  const worker = await fleet.worker();
  const told = said(worker, "MISCONF");
  const [, directory = ""] = (await redis.config("GET", "dir")) as string[];
  // Redis cannot put a file where a directory is.
  mkdirSync(`${directory}/dump.rdb`);
  await redis.config("SET", "save", "1 1");
  await redis.bgsave();
  while (!(await redis.info("persistence")).includes("rdb_last_bgsave_status:err"));
  await told;
  const refused = await fleet.run().finished;
  expect(refused.status).toBe(3);
  expect(errorOf(refused)).toMatchObject({
    code: "infra.unreachable",
    hint: expect.stringContaining("disk"),
    details: { answer: "MISCONF" },
  });
  await redis.config("SET", "stop-writes-on-bgsave-error", "no");
  await expectPublished(await fleet.retry().finished);
});

async function expectPublished(finished: Finished): Promise<void> {
  expect(finished.status, finished.stderr).toBe(0);
  expect(jsonLinesOf(finished).at(-1)).toMatchObject({ status: "published" });
  expect(await keysIn(fleet.project.out)).toEqual(keysBelow(fleet.project.rows));
}
