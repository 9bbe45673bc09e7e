/** `nightshift doctor` on a queue and a ledger: what is there, what is not as it should be, and who takes partitions. */
import { Redis } from "ioredis";
import { afterEach, expect, test } from "vitest";
import type { Finding } from "../../src/cli/doctor/finding.js";
import { type Fleet, queueFleet } from "../support/queue-fleet.js";

let fleet: Fleet;

afterEach(() => fleet.remove());

function findings(env: { readonly [name: string]: string } = {}): {
  readonly status: number | null;
  readonly of: (check: string) => readonly Omit<Finding, "check">[];
} {
  const { status, stdout } = fleet.project.nightshiftWith(
    { NIGHTSHIFT_LEDGER: fleet.database.url, NIGHTSHIFT_QUEUE: fleet.queueUrl, ...env },
    "doctor",
    "--json",
  );
  const all: readonly Finding[] = JSON.parse(stdout).findings;
  return {
    status,
    of: (wanted) => all.filter(({ check }) => check === wanted).map(({ check: _, ...finding }) => finding),
  };
}

test("on Redis: versions, clocks, eviction, and workers with their tags", async () => {
  fleet = await queueFleet("redis", { files: 1 });
  const worker = await fleet.worker({ argv: ["--tags", "gpu,big", "--lanes", "backfill"] });
  const healthy = findings();
  expect(healthy.status).toBe(0);
  expect(healthy.of("ledger")).toEqual([
    { result: "ok", detail: expect.stringMatching(/PostgreSQL \d+\S*.*, \d+ migrations$/) },
  ]);
  expect(healthy.of("ledger clock")).toEqual([
    { result: "ok", detail: expect.stringMatching(/^0\.\d s (ahead of|behind) this machine$/) },
  ]);
  expect(healthy.of("queue")).toEqual([
    { result: "ok", detail: expect.stringMatching(/^redis:\S+, Redis \d+\.\S+, noeviction$/) },
  ]);
  expect(healthy.of("waiting")).toEqual([{ result: "ok", detail: "nothing" }]);
  expect(healthy.of("worker")).toEqual([
    {
      result: "ok",
      detail: expect.stringMatching(
        new RegExp(
          `^\\S+ \\(${worker.child.pid}\\), 1 thread, gpu big; backfill; version \\S+, heard \\d+ s ago$`,
        ),
      ),
    },
  ]);

  worker.child.kill("SIGTERM");
  await worker.finished;
  const redis = new Redis(fleet.queueUrl);
  await redis.config("SET", "maxmemory-policy", "allkeys-lru");
  redis.disconnect();
  const evicting = findings();
  expect(evicting.status).toBe(0);
  expect(evicting.of("queue")).toMatchObject([
    {
      result: "warn",
      detail: expect.stringContaining("allkeys-lru"),
      hint: expect.stringContaining("noeviction"),
    },
  ]);
  expect(evicting.of("workers")).toMatchObject([{ result: "warn", detail: "none is there" }]);
});

test("on PostgreSQL: a queue that is not migrated, and a ledger that is not there", async () => {
  fleet = await queueFleet("postgres", { files: 1 });
  await fleet.database.query("drop schema nightshift_queue cascade");
  const without = findings({ NIGHTSHIFT_LEDGER: "postgres://user@127.0.0.1:1/none" });
  expect(without.status).toBe(1);
  expect(without.of("queue")).toMatchObject([
    { result: "fail", hint: expect.stringContaining("migrate --queue") },
  ]);
  expect(without.of("ledger")).toMatchObject([
    { result: "fail", detail: expect.stringContaining("127.0.0.1:1") },
  ]);
});
