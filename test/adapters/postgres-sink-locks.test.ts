/** A publication that needs a table for itself, while others read it: readers are held for a moment at a time only. */
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import type { PostgresWrite } from "../../src/sinks/postgres/postgres-write.js";
import { runOf } from "../support/file-target.js";
import { freshTarget, type PostgresTarget, stageRun } from "../support/postgres-target.js";

const write = { mode: "replace", key: ["id"] } as const;

async function staged(
  target: PostgresTarget,
  id: string,
  ids: readonly number[],
  parts: Partial<PostgresWrite>,
) {
  const run = runOf(id, { day: id === "first" ? "2026-01-01" : "2026-01-02" });
  return { run, receipts: await stageRun(target, run, [{ ids }], parts) };
}

/** A session that keeps its lock on the table until it is ended. */
async function reader(
  target: PostgresTarget,
  table = "scores",
): Promise<pg.Client & { readonly pid: number }> {
  const client = new pg.Client(target.url);
  client.on("error", () => undefined);
  await client.connect();
  onTestFinished(() => client.end().catch(() => undefined));
  await client.query("begin");
  await client.query(`select count(*) from ${table}`);
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return Object.assign(client, { pid: rows[0]?.pid ?? 0 });
}

const ids = async ({ database }: PostgresTarget) =>
  (await database.query<{ id: number }>("select id::int from scores order by id")).map(({ id }) => id);

it.each([
  ["a plain table", write, ""],
  [
    "a partition",
    { mode: "replace", key: [], partitionBy: ["id"], create: false } as const,
    "create table scores (id bigint, score real, nightshift_run bigint, nightshift_as_of timestamptz) partition by list (id); create table one partition of scores for values in (1); create table two partition of scores for values in (2)",
  ],
])(
  "%s under a long reader: other readers pass, and it is published once the reader is gone",
  async (_, parts, ddl) => {
    const target = await freshTarget();
    if (ddl !== "") await target.database.query(ddl);
    const first = await staged(target, "first", [1], parts);
    await target.sink(parts).publish(first.run, "f", first.receipts);
    const holder = await reader(target);
    const second = await staged(target, "second", [1, 2], parts);
    const { sink, told, waits } = waitingSink(target, parts);
    const publishing = sink.publish(second.run, "f", second.receipts);
    await waits;
    // One try holds them for a second and a half; a machine that is busy adds to it.
    expect(await longestRead(target, [1])).toBeLessThan(4_000);
    expect(told).toEqual([expect.stringContaining(`session ${holder.pid} `)]);
    await holder.query("commit");
    expect(await publishing).toMatchObject({ outcome: "commit" });
    expect(await ids(target)).toEqual([1, 2]);
    const decided = await target.database.query("select outcome from nightshift.publications");
    expect(decided).toEqual([{ outcome: "commit" }, { outcome: "commit" }]);
  },
);

it("gives up after its limit, names the session and since when, and changes nothing", async () => {
  const target = await freshTarget();
  const first = await staged(target, "first", [1], write);
  await target.sink(write).publish(first.run, "f", first.receipts);
  const holder = await reader(target);
  const second = await staged(target, "second", [2], write);
  await expect(
    target.sink(write, target.url, 3_000).publish(second.run, "f", second.receipts),
  ).rejects.toMatchObject({
    code: "infra.locked",
    retryable: true,
    details: { sessions: [{ pid: holder.pid, queryStart: expect.stringMatching(/^\d{4}-.*Z$/) }] },
    hint: expect.stringContaining(`pg_terminate_backend(${holder.pid})`),
  });
  expect(await ids(target)).toEqual([1]);
  expect(await target.sink(write).lookup("second")).toBeNull();
  // What the hint says.
  await target.database.query(`select pg_terminate_backend(${holder.pid})`);
  expect(await target.sink(write).publish(second.run, "f", second.receipts)).toMatchObject({
    outcome: "commit",
  });
  expect(await ids(target)).toEqual([2]);
});

/** Each value a partition of its own. */
const byId = { mode: "replace", key: [], partitionBy: ["id"], create: false } as const;

async function partitioned(): Promise<PostgresTarget> {
  const target = await freshTarget();
  await target.database.query(
    "create table scores (id bigint, score real, nightshift_run bigint, nightshift_as_of timestamptz) partition by list (id); create table one partition of scores for values in (1); create table two partition of scores for values in (2)",
  );
  return target;
}

/** A sink, and when it has said that it waits. */
function waitingSink(target: PostgresTarget, parts: Partial<PostgresWrite> = byId) {
  const told: string[] = [];
  let heard = (): void => undefined;
  const waits = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const sink = target.sink(parts, target.url, 60_000, (text) => {
    told.push(text);
    heard();
  });
  return { sink, told, waits };
}

/** @returns the longest that one of several readers of the whole table waited, in milliseconds */
async function longestRead(target: PostgresTarget, expected: readonly number[]): Promise<number> {
  const waited: number[] = [];
  for (let reads = 0; reads < 20; reads++) {
    const startedMs = performance.now();
    expect(await ids(target)).toEqual(expected);
    waited.push(performance.now() - startedMs);
    await target.database.query("select pg_sleep(0.1)");
  }
  return Math.max(...waited);
}

it("attaches no partition before it has all of them: a reader of the last one holds up no reader of the table", async () => {
  const target = await partitioned();
  const first = await staged(target, "first", [1], byId);
  await target.sink(byId).publish(first.run, "f", first.receipts);
  const holder = await reader(target, "two");
  const second = await staged(target, "second", [1, 2], byId);
  const { sink, told, waits } = waitingSink(target);
  const publishing = sink.publish(second.run, "f", second.receipts);
  await waits;
  expect(await longestRead(target, [1])).toBeLessThan(4_000);
  expect(told).toEqual([expect.stringContaining(`session ${holder.pid} `)]);
  await holder.query("commit");
  expect(await publishing).toMatchObject({ outcome: "commit" });
  expect(await ids(target)).toEqual([1, 2]);
});

it.each(["scores", "two"])(
  "a rollback of partitions lets readers pass that wait behind a reader of %s",
  async (held) => {
    const target = await partitioned();
    for (const [id, rows] of [
      ["first", [1]],
      ["second", [1, 2]],
      ["third", [1, 2]],
    ] as const) {
      const { run, receipts } = await staged(target, id, rows, byId);
      await target.sink(byId).publish(run, "f", receipts);
    }
    const holder = await reader(target, held);
    const { sink, told, waits } = waitingSink(target);
    const rollingBack = sink.rollback(2);
    await waits;
    expect(await longestRead(target, [1, 2])).toBeLessThan(4_000);
    expect(told).toEqual([
      expect.stringMatching(new RegExp(`^rolling back waits for session ${holder.pid} `)),
    ]);
    await holder.query("commit");
    expect(await rollingBack).toMatchObject({ hiddenRunIds: ["third", "second"], visibleRunId: "first" });
    expect(await ids(target)).toEqual([1]);
  },
);
