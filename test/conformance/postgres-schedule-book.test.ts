import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPostgresBooks, type PostgresBooks } from "../../src/ledgers/postgres/books.js";
import { newUuid } from "../../src/wiring/system-clock.js";
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

test("a scheduler on another machine that is not heard of any more has let go of what it recorded", async () => {
  const { schedules, close } = await openPostgresBooks({
    ...{ url: urlOf(database.url), newId: newUuid, heardWithinMs: 300 },
    isAlive: () => "other-host",
  });
  const away = { pid: 1, processStart: "1", bootId: "b", host: "far" };
  const at = "2026-01-01T01:00:00.000Z";
  await schedules.attend(away);
  await schedules.record("away", { at, verdict: "fired", reason: null, ticks: 1 }, away);
  while ((await schedules.open("away"))[0]?.isHeld === true) await sleep(20);
  await schedules.attend(away);
  expect(await schedules.open("away")).toMatchObject([{ at, by: away, isHeld: true }]);
  await close();
});
