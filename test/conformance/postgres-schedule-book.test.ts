import { afterAll, beforeAll } from "vitest";
import { openPostgresBooks, type PostgresBooks } from "../../src/ledgers/postgres/books.js";
import { newUuid } from "../../src/system-clock.js";
import { migrateAt, urlOf } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";
import { scheduleBookConformance } from "./schedule-book.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  await migrateAt(database.url);
});
afterAll(() => database.drop());

scheduleBookConformance("postgres", async () => {
  await database.query(
    "truncate nightshift.ledger_schedules, nightshift.ledger_ticks, nightshift.ledger_schedulers",
  );
  const opened: PostgresBooks[] = [];
  return {
    async open(isAlive) {
      const books = await openPostgresBooks({ url: urlOf(database.url), newId: newUuid, isAlive });
      opened.push(books);
      return books.schedules;
    },
    close: async () => void (await Promise.all(opened.map((books) => books.close()))),
  };
});
