import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NightshiftError } from "../../src/errors.js";
import { openPostgresStores } from "../../src/ledgers/postgres/stores.js";
import type { RecordedTick, TickProgress } from "../../src/ledgers/schedule-store.js";
import { type Database, openDatabase } from "../../src/postgres/database.js";
import { migrate, migrationsOf, requireMigrated } from "../../src/postgres/migrate.js";
import type { Migration } from "../../src/postgres/migrations/migration.js";
import { migrations } from "../../src/postgres/migrations.js";
import { newUuid } from "../../src/wiring/system-clock.js";
import { urlOf } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";

let test_: TestDatabase;
const opened: Database[] = [];

beforeEach(async () => {
  test_ = await createDatabase();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((database) => database.close()));
  await test_.drop();
});

function open(url = test_.url): Database {
  const database = openDatabase(urlOf(url), { role: "test", maxSessions: 2, retryDelaysMs: [] });
  opened.push(database);
  return database;
}

const ofLedger = (version: number, sql = "select 1"): Migration => ({
  version,
  name: `step ${version}`,
  sql,
});

describe("migrate", () => {
  test("applies every step, says which, and nothing the second time", async () => {
    const steps = migrations.map(({ version, name }) => ({ version, name }));
    expect(steps.length).toBeGreaterThan(0);
    expect(await migrate(open())).toEqual(steps);
    expect(await migrationsOf(open())).toEqual(steps);
    expect(await migrate(open())).toEqual([]);
    await requireMigrated(open(), "ledger");
  });

  test("from several processes at once: each step is applied once", async () => {
    const applied = await Promise.all([1, 2, 3, 4, 5].map(() => migrate(open())));
    const versions = applied.flat().map(({ version }) => version);
    // One process may apply the first step, and another the next.
    expect(versions.sort((a, b) => a - b)).toEqual(migrations.map(({ version }) => version));
  });

  test("a step that fails leaves nothing of itself, and what came before it", async () => {
    const broken = [
      ofLedger(1, "create table nightshift.one (x int)"),
      ofLedger(2, "create table nightshift.two (x int); select broken"),
    ];
    await expect(migrate(open(), broken)).rejects.toBeInstanceOf(NightshiftError);
    expect(await migrationsOf(open())).toEqual([{ version: 1, name: "step 1" }]);
    expect(await test_.query("select to_regclass('nightshift.two') as two")).toEqual([{ two: null }]);
    const mended = [ofLedger(1), ofLedger(2, "create table nightshift.two (x int)")];
    expect(await migrate(open(), mended)).toEqual([{ version: 2, name: "step 2" }]);
  });

  test("into a schema that an administrator made, by a role that may make none", async () => {
    const role = `${test_.name}_migrator`;
    await test_.query(`create role ${role} login; create schema nightshift authorization ${role}`);
    const as = new URL(test_.url);
    as.username = role;
    try {
      expect((await migrate(open(as.href))).length).toBe(migrations.length);
    } finally {
      await test_.query(`drop owned by ${role}; drop role ${role}`);
    }
  });

  test("by a role that may not: it says so", async () => {
    const role = `${test_.name}_reader`;
    await test_.query(`create role ${role} login`);
    const as = new URL(test_.url);
    as.username = role;
    await expect(migrate(open(as.href))).rejects.toMatchObject({
      code: "infra.permission",
      message: expect.stringContaining("while migrating"),
    });
    await test_.query(`drop role ${role}`);
  });
});

describe("the tables of version 0.1, with a tick that is open", () => {
  const at = "2001-06-13T02:15:00.000Z";
  const owner = { pid: 7, processStart: "7", bootId: "b", host: "scoring" };

  test("get what waiting ticks need, and are continued", async () => {
    await migrate(
      open(),
      migrations.filter(({ version }) => version !== 10 && version !== 11),
    );
    const tick = (when: string, ended: object | null) =>
      test_.query(
        `insert into nightshift.ledger_ticks (job, at, verdict, reason, ticks, recorded_by, scheduler, change, ended)
         values ('daily', $1, 'fired', null, 1, $2, 'gone', gen_random_uuid(), $3)`,
        [when, JSON.stringify(owner), ended === null ? null : JSON.stringify(ended)],
      );
    await test_.query(
      "insert into nightshift.ledger_schedules (job, schedule, since) values ('daily', '15 2 * * * UTC', '2001-06-11Z')",
    );
    const published = { status: "published", runId: "r", error: null, at: "2001-06-12T02:16:00.000Z" };
    await tick("2001-06-12T02:15:00Z", published);
    await tick(at, null);
    await expect(requireMigrated(open(), "ledger")).rejects.toMatchObject({ details: { missing: [10, 11] } });

    expect((await migrate(open())).map(({ version }) => version)).toEqual([10, 11]);
    const stores = await openPostgresStores({ url: urlOf(test_.url), newId: newUuid, isAlive: () => "dead" });
    try {
      const { schedules } = stores;
      const { cursor } = await schedules.follow("daily", "15 2 * * * UTC", new Date("2001-06-13T08:00:00Z"));
      expect(cursor).toEqual(new Date(at));
      const [left, ...others] = await schedules.open("daily");
      expect(others).toEqual([]);
      expect(left).toMatchObject({ at, isHeld: false });
      expect(left?.progress ?? null).toBeNull();
      const progress: TickProgress = {
        ...{ status: "retrying", since: at, until: null, nextAt: at, attempts: [] },
        reason: { code: "infra.unreachable", message: "it is away" },
      };
      await schedules.note("daily", at, progress);
      expect(await schedules.open("daily")).toMatchObject([{ at, progress }]);
      await schedules.end("daily", at, { ...published, status: "published" });
      expect(await schedules.open("daily")).toEqual([]);
      const ticks: RecordedTick[] = [];
      for await (const each of schedules.ticks("daily")) ticks.push(each);
      expect(ticks).toMatchObject([
        { at, end: { status: "published" } },
        { at: "2001-06-12T02:15:00.000Z", end: published },
      ]);
    } finally {
      await stores.close();
    }
  });
});

describe("a database is refused", () => {
  const wayOut = { hint: expect.stringContaining("nightshift migrate") };

  test("that was never migrated", async () => {
    await expect(requireMigrated(open(), "ledger")).rejects.toMatchObject({
      code: "postgres.not-migrated",
      message: expect.stringMatching(/^postgres:\/\/\S+ is not initialised for Nightshift\.$/),
      ...wayOut,
    });
  });

  test("that was migrated by an older version", async () => {
    await migrate(open(), [ofLedger(1)]);
    await expect(requireMigrated(open(), "ledger", [ofLedger(1), ofLedger(2)])).rejects.toMatchObject({
      code: "postgres.not-migrated",
      message: expect.stringContaining("older tables"),
      details: { missing: [2] },
      ...wayOut,
    });
  });

  test("that was migrated by a newer version, to work with and to migrate; but not for the other part's sake", async () => {
    await migrate(open(), [ofLedger(1), ofLedger(2), ofLedger(100)]);
    const newer = { code: "postgres.newer-schema", hint: "Use that version, or a newer one." };
    await expect(requireMigrated(open(), "ledger", [ofLedger(1), ofLedger(100)])).rejects.toMatchObject(
      newer,
    );
    await expect(migrate(open(), [ofLedger(1), ofLedger(100)])).rejects.toMatchObject(newer);
    await requireMigrated(open(), "sink", [ofLedger(1), ofLedger(100)]);
  });
});
