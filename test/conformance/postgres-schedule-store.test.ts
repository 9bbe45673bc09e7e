import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPostgresStores, type PostgresStores } from "../../src/ledgers/postgres/stores.js";
import { newUuid } from "../../src/wiring/system-clock.js";
import { migrateAt, urlOf } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";
import { scheduleBookConformance } from "./schedule-store.js";

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
  const opened: PostgresStores[] = [];
  return {
    async open(isAlive) {
      const stores = await openPostgresStores({ url: urlOf(database.url), newId: newUuid, isAlive });
      opened.push(stores);
      return stores.schedules;
    },
    close: async () => void (await Promise.all(opened.map((stores) => stores.close()))),
  };
});

test("a scheduler on another machine that is silent has released what it recorded", async () => {
  const { schedules, close } = await openPostgresStores({
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
