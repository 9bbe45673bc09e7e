import { afterAll, beforeAll } from "vitest";
import { ledgerProcesses, migrateAt } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";
import { ledgerConformance } from "./ledger.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  await migrateAt(database.url);
});
afterAll(() => database.drop());

ledgerConformance("postgres", async () => {
  await database.query(
    "truncate nightshift.ledger_runs, nightshift.ledger_forgotten, nightshift.ledger_backfill_stops cascade",
  );
  const processes = ledgerProcesses(database.url);
  return {
    startProcess: (where) => processes.start(where === undefined ? {} : { where }),
    close: () => processes.closeAll(),
  };
});
