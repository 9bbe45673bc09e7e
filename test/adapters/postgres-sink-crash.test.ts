/** Servers and connections that die at each step of publishing: every key once, or none, and the run goes on. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "../../src/postgres/database.js";
import type { PostgresWrite } from "../../src/sinks/postgres/postgres-write.js";
import { type CuttingProxy, cuttingProxy } from "../support/cutting-proxy.js";
import { runOf } from "../support/file-target.js";
import { type PostgresServer, startServer } from "../support/postgres-server.js";
import {
  freshTarget,
  idsIn,
  type PostgresTarget,
  stagePartition,
  stageRun,
  urlOf,
} from "../support/postgres-target.js";

let server: PostgresServer;
beforeAll(async () => {
  server = await startServer();
}, 60_000);
afterAll(() => server.remove());

const upsert: Partial<PostgresWrite> = { mode: "upsert", key: ["id"] };

async function target(): Promise<PostgresTarget> {
  return freshTarget(await server.createDatabase());
}

async function through(proxy: CuttingProxy, url: string): Promise<string> {
  const moved = new URL(url);
  moved.port = String(proxy.port);
  return moved.href;
}

/** What the server is asked for in turn while a run is published. */
const steps = [
  "insert into nightshift.publications",
  "for update",
  "update nightshift.attempts",
  'create table "public"',
  'alter table nightshift."staging_',
  'drop table "public"',
  "add primary key",
  'insert into "public"',
  "update nightshift.targets",
  // As a statement of its own, not as a value.
  "\0\0\0\x0bcommit\0",
];

/** With this, rows are copied. */
async function overtaken(place: PostgresTarget): Promise<void> {
  await stageRun(place, runOf("a"), [{ ids: [666] }], upsert, () => "zombie");
}

describe.each(["delivered", "lost"] as const)("a connection that is cut, its statement %s", (kind) => {
  it.each(steps)("at %j", async (step) => {
    const place = await target();
    const receipts = await stageRun(place, runOf("a"), [{ ids: [1, 2] }, { ids: [3] }], upsert);
    if (step.startsWith('insert into "public')) await overtaken(place);
    const proxy = await cuttingProxy(server);
    try {
      const cut = place.sink(upsert, await through(proxy, place.url));
      await cut.lookup("a");
      proxy.cutAt(step, kind);
      const first = await cut.publish(runOf("a"), "f", receipts).catch((error: unknown) => error);
      expect(proxy.cuts()).toBe(1);
      // After COMMIT its result is read back; before, nothing happened and the error says that the connection is gone.
      if (step.endsWith("commit\0")) expect(first).toMatchObject({ outcome: "commit" });
      else expect(first).toMatchObject({ code: "infra.connection-lost" });
      const decision = await place.sink(upsert).publish(runOf("a"), "f", receipts);
      expect(decision.outcome).toBe("commit");
      expect(await place.sink(upsert).lookup("a")).toEqual(decision);
      expect(await idsIn(place.database)).toEqual([1, 2, 3]);
      expect(await place.database.query("select count(*)::int as n from nightshift.publications")).toEqual([
        { n: 1 },
      ]);
    } finally {
      await proxy.close();
    }
  });
});

it("loses nothing that was staged when the server crashes, nor what it published", async () => {
  const place = await target();
  const receipts = await stageRun(
    place,
    runOf("a"),
    [{ ids: [1, 2] }, { ids: [3], quarantined: [7] }],
    upsert,
  );
  await server.restart({ mode: "immediate" });
  await place.sink(upsert).publish(runOf("a"), "f", receipts);
  await server.restart({ mode: "immediate" });
  expect(await idsIn(place.database)).toEqual([1, 2, 3]);
  expect((await place.sink(upsert).quarantinedRows("a", 10))?.rows).toHaveLength(1);
});

it("publishes nothing by halves when the server crashes in the middle, and continues when it is back", async () => {
  const place = await target();
  const receipts = await stageRun(place, runOf("a"), [{ ids: [1, 2] }, { ids: [3] }], upsert);
  await place.database.query(
    "create table scores (id bigint primary key, score real, nightshift_run bigint, nightshift_as_of timestamptz)",
  );
  await place.database.query(
    "create function hold() returns trigger language plpgsql as $$ begin perform pg_sleep(30); return new; end $$; create trigger hold before insert on scores for each row execute function hold()",
  );
  const publishing = place
    .sink(upsert)
    .publish(runOf("a"), "f", receipts)
    .catch((error: unknown) => error);
  while (
    (await place.database.query("select 1 from pg_stat_activity where query like 'insert into \"public\"%'"))
      .length === 0
  )
    await sleep(20);
  expect(await idsIn(place.database)).toEqual([]);
  await server.restart({ mode: "immediate" });
  expect(await publishing).toMatchObject({ kind: "infra", retryable: true });
  expect(await place.sink(upsert).lookup("a")).toBeNull();
  await place.database.query("drop trigger hold on scores");
  await place.sink(upsert).publish(runOf("a"), "f", receipts);
  expect(await idsIn(place.database)).toEqual([1, 2, 3]);
});

it("loses an attempt with its connection, and never sends a row of it again", async () => {
  const place = await target();
  const proxy = await cuttingProxy(server);
  try {
    proxy.cutAt("PGCOPY", "lost");
    const url = await through(proxy, place.url);
    await expect(
      stagePartition(url, place.write(upsert), runOf("a"), 0, { ids: [1] }, "first"),
    ).rejects.toMatchObject({
      code: "infra.connection-lost",
    });
    const again = await stagePartition(url, place.write(upsert), runOf("a"), 0, { ids: [1] }, "second");
    await place.sink(upsert).publish(runOf("a"), "f", [again]);
    expect(await idsIn(place.database)).toEqual([1]);
  } finally {
    await proxy.close();
  }
});

describe("several at once", () => {
  it("two coordinators, an abort and readers: one decision, and readers see all of a run or nothing", async () => {
    for (let round = 0; round < 4; round++) {
      const place = await target();
      const older = await stageRun(place, runOf("old"), [{ ids: [1, 2, 3, 4] }]);
      await place.sink().publish(runOf("old"), "f", older);
      const ids = Array.from({ length: 500 }, (_, id) => id + 10);
      const receipts = await stageRun(place, runOf("a"), [
        { ids: ids.slice(0, 250) },
        { ids: ids.slice(250) },
      ]);
      let isDone = false;
      const seen = new Set<number>();
      const reading = (async () => {
        while (!isDone) seen.add(((await idsIn(place.database)) ?? []).length);
      })();
      const decisions = await Promise.all([
        place.sink().publish(runOf("a"), "f", receipts),
        round % 2 === 0 ? place.sink().publish(runOf("a"), "f", receipts) : place.sink().abort(runOf("a")),
        place.sink().publish(runOf("a"), "f", receipts),
      ]);
      isDone = true;
      await reading;
      expect(new Set(decisions.map((decision) => JSON.stringify(decision))).size).toBe(1);
      const isCommitted = decisions[0]?.outcome === "commit";
      expect((await idsIn(place.database))?.length).toBe(isCommitted ? 500 : 4);
      expect([...seen].every((count) => count === 4 || count === 500)).toBe(true);
    }
  });
});

describe("a server that cannot", () => {
  it("has a lock that another session holds: says so, and continues once it is gone", async () => {
    const place = await target();
    const receipts = await stageRun(place, runOf("a"), [{ ids: [1] }]);
    const holder = openDatabase(urlOf(place.url), { role: "holder", maxSessions: 1 });
    const held = await holder.transaction(async (session) => {
      await session.query("insert into nightshift.targets values ('public.scores')");
      return place
        .sink({}, place.url, 200)
        .publish(runOf("a"), "f", receipts)
        .catch((error: unknown) => error);
    });
    expect(held).toMatchObject({ code: "infra.locked", kind: "infra", retryable: true });
    expect(await place.sink().lookup("a")).toBeNull();
    expect(await place.sink().publish(runOf("a"), "f", receipts)).toMatchObject({ outcome: "commit" });
    await holder.close();
  });

  it("has the whole table locked by another session: says so before anything runs", async () => {
    const place = await target();
    await place.database.query("create table scores (id bigint, score real)");
    const holder = openDatabase(urlOf(place.url), { role: "holder", maxSessions: 1 });
    const held = await holder.transaction(async (session) => {
      await session.query("lock table scores in access exclusive mode");
      return place
        .sink({}, place.url, 200)
        .check(runOf("a"))
        .catch((error: unknown) => error);
    });
    expect(held).toMatchObject({
      code: "infra.locked",
      message: expect.stringMatching(/another session holds a lock while checking .*scores/),
    });
    await place.sink().check(runOf("a"));
    await holder.close();
  });

  it("has no room: says so, publishes nothing, and continues when there is some", async () => {
    const place = await target();
    const receipts = await stageRun(place, runOf("a"), [{ ids: [1] }], upsert);
    // The server's own words and code for it, where a full disk would say them.
    await place.database.query(
      `create table scores (id bigint primary key, score real, nightshift_run bigint, nightshift_as_of timestamptz);
       create function full_disk() returns trigger language plpgsql as $$ begin
         raise exception using errcode = '53100', message = 'could not extend file: No space left on device'; end $$;
       create trigger full_disk before insert on scores for each row execute function full_disk()`,
    );
    const failed = await place
      .sink(upsert)
      .publish(runOf("a"), "f", receipts)
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: "infra.disk-full", retryable: false });
    await place.database.query("drop trigger full_disk on scores");
    await place.sink(upsert).publish(runOf("a"), "f", receipts);
    expect(await idsIn(place.database)).toEqual([1]);
  });

  it("is read-only: says so, with exit code 1, and changes nothing", async () => {
    const place = await target();
    const receipts = await stageRun(place, runOf("a"), [{ ids: [1] }]);
    await place.database.query(
      `alter database ${place.database.name} set default_transaction_read_only = on`,
    );
    const failed = await place
      .sink()
      .publish(runOf("a"), "f", receipts)
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: "infra.read-only", retryable: false });
    await place.database.query(
      `begin read write; alter database ${place.database.name} reset default_transaction_read_only; commit`,
    );
    expect(await place.sink().publish(runOf("a"), "f", receipts)).toMatchObject({ outcome: "commit" });
  });

  it("takes no more connections: says so after some tries", async () => {
    const place = await target();
    await place.database.query(`alter database ${place.database.name} connection limit 0`);
    await place.database
      .query("create role plain login; grant all on schema nightshift to plain")
      .catch(() => undefined);
    const url = new URL(place.url);
    url.username = "plain";
    await expect(place.sink({}, url.href).lookup("a")).rejects.toMatchObject({
      code: "infra.too-many-connections",
    });
  });
});
