/** Databases whose administrators have changed how they work: what runs see and write there stays the same. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runOf } from "../support/file-target.js";
import { ledgerProcesses, migrateAt } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";
import { freshTarget, stagePartition } from "../support/postgres-target.js";
import { aPlan, aReceipt, aRun, somePartitions } from "../support/runs.js";

const many = Array.from({ length: 8 }, (_, index) => index);
let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
  await database.query(`
    alter database ${database.name} set default_transaction_isolation = 'serializable';
    alter database ${database.name} set datestyle = 'SQL, DMY';
    alter database ${database.name} set timezone = 'Asia/Kolkata'`);
  await migrateAt(database.url);
});
afterAll(() => database.drop());

describe("a database that is serializable by default, and writes dates as `21/11/2026 03:20 IST`", () => {
  it("has rows staged at once and published with the time that they are true for", async () => {
    const target = await freshTarget(database);
    const parts = { mode: "upsert", key: ["id"] } as const;
    const run = runOf("night", { day: "2026-11-20" });
    const receipts = await Promise.all(
      many.map((index) =>
        stagePartition(target.url, target.write(parts), run, index, { ids: [index] }, `attempt-${index}`),
      ),
    );
    await target.sink(parts).publish(run, "f", receipts);
    const rows = await database.query<{ id: string; asOf: string }>(
      `select id::text, to_char(nightshift_as_of at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "asOf"
       from scores order by id`,
    );
    expect(rows).toEqual(many.map((id) => ({ id: String(id), asOf: run.interval?.end })));
  });

  it("has transitions of one run made at once", async () => {
    const processes = ledgerProcesses(database.url);
    try {
      const { ledger, owner } = await processes.start();
      await ledger.createRun(aRun("run"));
      const claim = await ledger.claimRun("run", owner, { takeOver: false });
      await ledger.savePlan(claim, aPlan(many.length), somePartitions(many.length));
      const workers = await Promise.all([processes.start(), processes.start()]);
      const answers = await Promise.all(
        many.map(async (index) => {
          const ref = await ledger.leasePartition(claim, index);
          const worker = workers[index % 2]?.ledger ?? ledger;
          await worker.startLeased(ref, `attempt-${index}`, 60_000);
          return worker.acceptReceipt(aReceipt(ref, `attempt-${index}`));
        }),
      );
      expect(answers).toEqual(many.map(() => "accepted"));
    } finally {
      await processes.closeAll();
    }
  });
});
