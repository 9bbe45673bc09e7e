/** What a worker's or coordinator's people are told of a queue that does not do what it is asked. */
import { expect, test } from "vitest";
import { queueTrouble, queueWatch } from "../../src/wiring/queue-parts.js";

const queue = { place: "redis://127.0.0.1:6379" } as Parameters<typeof queueTrouble>[0];

test.each([
  "WRONGTYPE Operation against a key holding the wrong kind of value",
  "ERR value is not an integer or out of range script: 5ab432e8, on @user_script:1.",
  "ERR Error running script: OOM command not allowed when used memory > 'maxmemory'",
  "READONLY You can't write against a read only replica.",
])("a queue that refuses is told of once, and once it takes something again: %s", (message) => {
  const told: (string | null)[] = [];
  const watch = queueWatch((error) => told.push(error === null ? null : queueTrouble(queue, error)));
  watch.failed(new Error(message));
  watch.failed(new Error(message));
  watch.answered();
  expect(told).toEqual([expect.stringContaining(message), null]);
});

test("what the ledger takes care of is not told", () => {
  const told: unknown[] = [];
  queueWatch((error) => told.push(error)).failed(new Error("Missing lock for job 1. extendLock"));
  expect(told).toEqual([]);
});
