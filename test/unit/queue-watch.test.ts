/** What a worker or coordinator logs about a queue that refuses requests. */
import { expect, test } from "vitest";
import { redisRefusal } from "../../src/dispatchers/queue/redis-refusals.js";
import { queueTrouble, queueWatch } from "../../src/wiring/queue-parts.js";

const place = "redis://127.0.0.1:6379";

test.each([
  ["WRONGTYPE Operation against a key holding the wrong kind of value", "infra.queue-refused"],
  ["NOPERM User queue has no permissions to run the 'evalsha' command", "infra.queue-refused"],
  ["ERR unknown command 'EVALSHA'", "infra.queue-refused"],
  ["ERR Error running script: OOM command not allowed when used memory > 'maxmemory'", "infra.queue-unready"],
  ["READONLY You can't write against a read only replica.", "infra.queue-unready"],
  ["SOMETHING that no version said before", "infra.queue-unready"],
])("a queue that refuses is logged once, and once when it accepts again: %s", (message, code) => {
  const told: (string | null)[] = [];
  const watch = queueWatch((error) => told.push(error === null ? null : queueTrouble({ place }, error)));
  const answer = Object.assign(new Error(message), { name: "ReplyError" });
  const error = redisRefusal(answer, { place, queue: "cpu-scheduled", wrong: null });
  expect(error).toMatchObject({ code, hint: expect.any(String) });
  watch.failed(error ?? answer);
  watch.failed(error ?? answer);
  watch.answered();
  expect(told).toEqual([expect.stringContaining(message), null]);
});

test("what the ledger takes care of is not logged", () => {
  const told: unknown[] = [];
  const error = new Error("Missing lock for job 1. extendLock");
  expect(redisRefusal(error, { place, queue: "cpu-scheduled", wrong: null })).toBeNull();
  queueWatch((each) => told.push(each)).failed(error);
  expect(told).toEqual([]);
});
