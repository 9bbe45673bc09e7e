/** Workers that die, stop or are stopped, queues that forget and repeat: every row is published once all the same. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Queue } from "bullmq";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Held, holding, keysBelow, keysIn } from "../support/flight-project.js";
import { type Finished, jsonLinesOf, type RunLine } from "../support/nightshift.js";
import { type Fleet, hostOf, queueFleet } from "../support/queue-fleet.js";

let fleet: Fleet;

beforeEach(async () => {
  fleet = await queueFleet("redis", { files: 4 });
});

afterEach(() => fleet.remove());

test("a worker is killed: its partition is scored again once its lease is over", async () => {
  const { worker, run } = await workerInTheMiddle();
  worker.child.kill("SIGKILL");
  const other = await fleet.worker();
  await expectPublished(await run.finished);
  expect(await other.said({ type: "partition.accepted", partition: 0 })).toMatchObject({ epoch: 2 });
  expect(await attemptsOf(0)).toBe(0);
});

test("FLUSHALL: what the queue has forgotten is sent again", async () => {
  const { held, run } = await workerInTheMiddle();
  await fleet.redis?.flush();
  held.letGo();
  await expectPublished(await run.finished);
});

test("the queue's server is away for a while, and comes back empty", async () => {
  const { held, run } = await workerInTheMiddle();
  await fleet.redis?.kill();
  held.letGo();
  await sleep(1_000);
  await fleet.redis?.start();
  const { status, stdout, stderr } = await run.finished;
  expect(status).toBe(0);
  expect(stderr).toMatch(
    /^(warning: )?the queue at redis:\S+ does not answer .*\n(warning: )?the queue at redis:\S+ answers again\n$/,
  );
  expect(jsonLinesOf({ stdout }).at(-1)).toMatchObject({ status: "published" });
  expect(await keysIn(fleet.project.out)).toEqual(keysBelow(fleet.project.rows));
});

test("a message comes twice: there is one start an epoch", async () => {
  const { held, run, started } = await workerInTheMiddle();
  const queue = new Queue("cpu-scheduled", { connection: { url: fleet.queueUrl }, prefix: "nightshift" });
  const again = { runId: started.runId, partition: 0, epoch: 1 };
  await queue.addBulk(
    [1, 2].map((each) => ({ name: "partition", data: again, opts: { jobId: `again-${each}` } })),
  );
  const other = await fleet.worker();
  await other.said({ type: "partition.outdated", partition: 0 });
  held.letGo();
  await expectPublished(await run.finished);
  await queue.close();
  expect(await startsOf(0)).toEqual([1]);
});

test("a worker that was stopped continues past its lease: it is refused, and nothing is there twice", async () => {
  const { worker, held, run } = await workerInTheMiddle();
  const host = hostOf(worker);
  // Both: neither can end what it holds.
  process.kill(host, "SIGSTOP");
  worker.child.kill("SIGSTOP");
  await fleet.worker();
  await expectPublished(await run.finished);
  held.letGo();
  process.kill(host, "SIGCONT");
  worker.child.kill("SIGCONT");
  await worker.said({ type: "partition.fenced", partition: 0 });
  expect(await keysIn(fleet.project.out)).toEqual(keysBelow(fleet.project.rows));
  expect(await startsOf(0)).toEqual([1, 2]);
});

test("a worker is stopped: its host ends itself before its lease is over", async () => {
  const { worker, run } = await workerInTheMiddle();
  const host = hostOf(worker);
  worker.child.kill("SIGSTOP");
  await gone(host);
  expect(await stateOf(0)).toMatchObject({ status: "running", epoch: "1" });
  worker.child.kill("SIGKILL");
  await fleet.worker();
  await expectPublished(await run.finished);
});

test("SIGTERM: a worker ends what it has begun, and takes nothing new", async () => {
  const { worker, held, run } = await workerInTheMiddle();
  worker.child.kill("SIGTERM");
  held.letGo();
  expect((await worker.finished).status).toBe(0);
  expect(count(worker.events, "partition.accepted")).toBe(1);
  await fleet.worker();
  await expectPublished(await run.finished);
  expect(await startsOf(0)).toEqual([1]);
});

test("SIGTERM, and the grace period is over: the rest is handed back, and costs no attempt", async () => {
  const { worker, held, run } = await workerInTheMiddle("--grace", "1ms");
  worker.child.kill("SIGTERM");
  await sleep(200);
  held.letGo();
  expect((await worker.finished).status).toBe(0);
  expect(worker.events).toContainEqual(
    expect.objectContaining({ type: "partition.failed", partition: 0, next: "pending" }),
  );
  const other = await fleet.worker();
  await expectPublished(await run.finished);
  expect(await other.said({ type: "partition.accepted", partition: 0 })).toMatchObject({ epoch: 2 });
  expect(await attemptsOf(0)).toBe(0);
});

test("the coordinator is interrupted: workers stop for it, and retry does the rest", async () => {
  const { worker, held, run } = await workerInTheMiddle();
  run.child.kill("SIGINT");
  expect((await run.finished).status).toBe(130);
  expect(await stateOf(0)).toMatchObject({ status: "pending", epoch: "1" });
  held.letGo();
  await worker.said({ type: "partition.fenced", partition: 0 });
  await expectPublished(await fleet.retry().finished);
});

test("the coordinator is killed: retry takes the run over, and nothing is published twice", async () => {
  const { worker, held, run } = await workerInTheMiddle();
  run.child.kill("SIGKILL");
  await run.finished;
  const retried = fleet.retry();
  while ((await stateOf(0))?.epoch !== "2") await sleep(10);
  held.letGo();
  await worker.said({ type: "partition.fenced", partition: 0 });
  await expectPublished(await retried.finished);
  expect(await startsOf(0)).toEqual([1, 2]);
});

/** One worker, which holds partition 0 and waits in it. */
async function workerInTheMiddle(...argv: readonly string[]) {
  const held: Held = holding(fleet.project.cwd, { role: "thread", path: "input/00", nth: 1 });
  const worker = await fleet.worker({ env: held.env, argv });
  const run = fleet.run();
  const started = await worker.said({ type: "partition.started", partition: 0 });
  await held.reached();
  return { held, worker, run, started };
}

async function expectPublished(finished: Finished): Promise<void> {
  expect(finished).toMatchObject({ status: 0, stderr: "" });
  expect(jsonLinesOf(finished).at(-1)).toMatchObject({ status: "published" });
  expect(await keysIn(fleet.project.out)).toEqual(keysBelow(fleet.project.rows));
}

async function stateOf(partition: number) {
  const [row] = await fleet.database.query<{ status: string; epoch: string; attempts: number }>(
    "select status, epoch, attempts from nightshift.ledger_partitions where index = $1",
    [partition],
  );
  return row;
}

async function attemptsOf(partition: number): Promise<number | undefined> {
  return (await stateOf(partition))?.attempts;
}

/** Epochs, in order, at which a worker started the partition. */
async function startsOf(partition: number): Promise<readonly number[]> {
  const rows = await fleet.database.query<{ epoch: number }>(
    `select (body->>'epoch')::int as epoch from nightshift.ledger_events
     where body->>'type' = 'partition.started' and (body->>'partition')::int = $1 order by seq`,
    [partition],
  );
  return rows.map(({ epoch }) => epoch);
}

function count(events: readonly RunLine[], type: string): number {
  return events.filter((event) => event.type === type).length;
}

/** Resolves when the process has ended; a stopped parent leaves it a zombie. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      if (/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"))) return;
    } catch {
      return;
    }
    await sleep(10);
  }
}
