/**
 * Half-open connections, over which nothing comes and which report no error: they are noticed by asking the
 * server, long before TCP or any time limit would, and statements that take their time are not taken for lost.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Database, openDatabase } from "../../src/postgres/database.js";
import { type CuttingProxy, cuttingProxy } from "../support/cutting-proxy.js";
import { ledgerProcesses, migrateAt, urlOf } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";
import { aPlan, aRun, somePartitions } from "../support/runs.js";

let database: TestDatabase;
let proxy: CuttingProxy;
let behind: string;

beforeAll(async () => {
  database = await createDatabase();
  await migrateAt(database.url);
});
afterAll(() => database.drop());
beforeEach(async () => {
  const { hostname, port } = new URL(database.url);
  proxy = await cuttingProxy({ host: hostname, port: Number(port) });
  const url = new URL(database.url);
  url.port = String(proxy.port);
  behind = url.href;
});
afterEach(() => proxy.close());

/** A statement that is on the server, and has not ended. */
async function underWay(text: string): Promise<void> {
  const sql = "select 1 from pg_stat_activity where state = 'active' and query = $1";
  while ((await database.query(sql, [text])).length === 0) await sleep(20);
}

describe("a session", () => {
  let opened: Database;
  beforeEach(() => {
    opened = openDatabase(urlOf(behind), { role: "test", maxSessions: 3, patienceMs: 400 });
  });
  afterEach(() => opened.close());

  test("a statement that takes long is waited for", async () => {
    const { rows } = await opened.query<{ done: boolean }>("select true as done from pg_sleep(4)");
    expect(rows).toEqual([{ done: true }]);
    const inside = opened.transaction((session) => session.query("select pg_sleep(2)"));
    await expect(inside).resolves.toBeDefined();
  });

  test.each(["everything", "answers"] as const)(
    "of a statement whose answer is lost, nothing is waited for (%s)",
    async (what) => {
      const text = `select pg_sleep(2), '${what}'`;
      const lost = opened.query(text).then(
        () => null,
        (error: unknown) => error,
      );
      await underWay(text);
      proxy.freeze(what);
      expect(await lost).toMatchObject({ code: "infra.connection-lost" });
    },
  );

  test("one that never came to the server, too; and what lay idle beside it is not lent any more", async () => {
    await Promise.all([1, 2, 3].map(() => opened.query("select pg_sleep(0.2)")));
    proxy.freeze();
    await expect(opened.query("select 1")).rejects.toMatchObject({ code: "infra.connection-lost" });
    for (const _ of [1, 2, 3]) await opened.query("select 1");
  });

  test("a transaction is lost as ever", async () => {
    const error = await opened
      .transaction(async (session) => {
        proxy.freeze();
        await session.query("select 1");
      })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "infra.connection-lost" });
  });

  test("its end is not waited for", async () => {
    await opened.query("select 1");
    proxy.freeze();
    await opened.close();
  });
});

test("a ledger continues within seconds, and nothing is done twice", async () => {
  const { start, closeAll } = ledgerProcesses(database.url);
  const { ledger, owner } = await start({ url: behind });
  await ledger.createRun(aRun("run"));
  const claim = await ledger.claimRun("run", owner, { takeOver: false });
  await ledger.savePlan(claim, aPlan(2), somePartitions(2));
  for (const [partition, what] of (["everything", "answers"] as const).entries()) {
    proxy.freeze(what);
    expect(await ledger.leasePartition(claim, partition)).toMatchObject({ partition, epoch: 1 });
  }
  await closeAll();
});
