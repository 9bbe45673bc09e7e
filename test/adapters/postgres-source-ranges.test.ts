/** However rows are divided between partitions, each is read once. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Run } from "../../src/job/run.js";
import { copySchema, inputKeeper } from "../../src/sources/postgres/keep-input.js";
import type { PostgresPartition } from "../../src/sources/postgres/postgres-input.js";
import { connectionUrl } from "../../src/wiring/resolve-connection.js";
import { createDatabase, serverVersion, type TestDatabase } from "../support/postgres-server.js";
import { inputOf, planned, queryOf, readAll, sourceOf } from "../support/postgres-source.js";

let database: TestDatabase;
/** PostgreSQL 13 has no way to begin in the middle of a table. */
let findsBlocks: boolean;
beforeAll(async () => {
  database = await createDatabase();
  findsBlocks = Number.parseInt(await serverVersion(), 10) >= 14;
});
afterAll(() => database.drop());

const rows = 5000;
const many = { partitionRows: 500 };
const url = () => connectionUrl(database.url, { environment: {} }, "the test's URL");
const kinds = (partitions: readonly PostgresPartition[]) =>
  new Set(partitions.map(({ range }) => range?.by.kind));

/** What each partition reads, by row number. */
async function numbersRead(
  source: ReturnType<typeof sourceOf>,
  partitions: readonly PostgresPartition[],
): Promise<number[][]> {
  return Promise.all(
    partitions.map(async (partition) => {
      const { rows } = await readAll(source, ["n"], { partitions: [partition] });
      return rows.map(([n]) => Number(n));
    }),
  );
}

const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);
const all = Array.from({ length: rows }, (_, index) => index + 1);

describe("ranges between keys", () => {
  it.each<readonly [string, readonly string[], string, string]>([
    ["numbers, negative ones too", ["a"], "a int4", "n - 2500"],
    ["few values, many times each", ["a"], "a int4", "n % 5"],
    ["one value only", ["a"], "a int4", "7"],
    ["wide integers", ["a"], "a int8", "n * 1844674407370955"],
    [
      "floats with NaN and infinities",
      ["a"],
      "a float8",
      "case n % 50 when 0 then 'NaN' when 1 then '-Infinity' else n / 7::float8 end",
    ],
    ["random uuids", ["a"], "a uuid", "md5(n::text)::uuid"],
    ["text that the server orders by bytes", ["a"], 'a text collate "C"', "chr(33 + n % 90) || md5(n::text)"],
    [
      "text in an order of people",
      ["a"],
      'a text collate "german"',
      "(array['ä','a','Z','z','ß','ss','-a','A b','é','e'])[1 + n % 10] || n % 700",
    ],
    [
      "text whose different values are equal",
      ["a"],
      'a text collate "careless"',
      "(array['a','A','á','b','B'])[1 + n % 5] || n % 300",
    ],
    ["padded text", ["a"], "a char(12)", "'k' || n % 900"],
    ["instants", ["a"], "a timestamptz", "timestamptz '2026-01-01+03' + n * interval '1 hour 0.123456 s'"],
    ["bytes", ["a"], "a bytea", "decode(md5(n::text), 'hex')"],
    ["an enum", ["a"], "a mood", "(array['sad','fine','happy']::mood[])[1 + n % 3]"],
    ["two columns, the first with few values", ["a", "b"], "a int4, b text", "n % 3, md5(n::text)"],
    [
      "three columns",
      ["b", "a", "c"],
      "a int4, b bool, c date",
      "n % 7, n % 2 = 0, date '2026-01-01' + n % 400",
    ],
    ["nulls", ["a"], "a int4", "nullif(n % 10, 0) * n"],
    ["nulls almost everywhere", ["a"], "a int4", "case when n % 500 = 0 then n end"],
    ["nulls in any of two columns", ["a", "b"], "a int4, b int4", "nullif(n % 5, 0), nullif(n % 3, 0) * n"],
  ])("of %s", async (_, key, columns, values) => {
    await database.query(`
      drop table if exists ranged;
      do $$ begin
        create type mood as enum ('sad', 'fine', 'happy');
        create collation german (provider = icu, locale = 'de-u-ks-level2');
        create collation careless (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
      exception when duplicate_object then null; end $$;
      create table ranged (n int4, ${columns});
      insert into ranged select n, ${values} from generate_series(1, ${rows}) n;
      analyze ranged;`);
    const source = sourceOf(database.url, "ranged", { key, consistency: "none" });
    const partitions = await planned(source, ["n"], many);
    expect(kinds(partitions)).toEqual(new Set(["key"]));
    const read = await numbersRead(source, partitions);
    expect(sorted(read.flat())).toEqual(all);
  });

  it("are about as large as was asked for", async () => {
    await database.query(`create table even as select n, md5(n::text) as a from generate_series(1, ${rows}) n;
      alter table even add primary key (a); analyze even;`);
    const source = sourceOf(database.url, "even", { consistency: "none" });
    const partitions = await planned(source, ["n"], many);
    const sizes = (await numbersRead(source, partitions)).map(({ length }) => length);
    expect(sizes).toHaveLength(10);
    expect(Math.max(...sizes)).toBeLessThan(600);
    expect(partitions.reduce((sum, partition) => sum + partition.rows, 0)).toBe(rows);
  });

  it("take rows that come after the plan was made, below and above it", async () => {
    const source = sourceOf(database.url, "even", { consistency: "none" });
    const partitions = await planned(source, ["n"], many);
    await database.query("insert into even values (-1, ' '), (-2, 'zz')");
    expect((await numbersRead(source, partitions)).flat()).toEqual(expect.arrayContaining([-1, -2]));
    await database.query("delete from even where n < 0");
  });

  it("of a query are bound behind its own parameters", async () => {
    const read = queryOf("select n, a from even where n <= $1 and a <> $2 -- all", 3000, "x");
    await database.query("create index on even (n)");
    const source = sourceOf(database.url, read, { key: ["n"] });
    const partitions = await planned(source, ["n"], many);
    expect(kinds(partitions)).toEqual(new Set(["key"]));
    expect(sorted((await numbersRead(source, partitions)).flat())).toEqual(all.slice(0, 3000));
  });

  it("are not made where each would compute the whole query again", async () => {
    const read = queryOf("select n, a, rank() over (order by a) from even");
    const partitions = await planned(sourceOf(database.url, read, { key: ["n"] }), ["n"], many);
    expect(kinds(partitions)).toEqual(new Set(["whole"]));
    const keyless = await planned(sourceOf(database.url, queryOf("select n from even")), ["n"], many);
    expect(kinds(keyless)).toEqual(new Set(["whole"]));
  });

  it("need a key that has an order", async () => {
    const read = queryOf("select n, json_build_object('a', n) as j from even");
    const source = sourceOf(database.url, read, { key: ["j"], consistency: "none" });
    await expect(planned(source, ["n"], many)).rejects.toMatchObject({
      code: "postgres.key-without-order",
      message: expect.stringContaining("j"),
    });
  });
});

describe("ranges of blocks", () => {
  it("are what a table is read by under a snapshot, to its end wherever that is by then", async () => {
    const source = sourceOf(database.url, "even");
    const partitions = await planned(source, ["n"], many);
    expect(kinds(partitions)).toEqual(new Set([findsBlocks ? "blocks" : "key"]));
    await database.query(
      `insert into even select n, 'late' || n from generate_series(${rows + 1}, ${rows + 2000}) n`,
    );
    const read = sorted((await numbersRead(source, partitions)).flat());
    await database.query(`delete from even where n > ${rows}`);
    expect(read).toEqual(Array.from({ length: rows + 2000 }, (_, index) => index + 1));
  });

  it("hold for the parts of a partitioned table, and for heirs", async () => {
    await database.query(`
      create table parted (n int4, p int4) partition by list (p);
      create table parted_0 partition of parted for values in (0);
      create table parted_1 partition of parted default;
      insert into parted select n, n % 3 from generate_series(1, ${rows}) n;
      create table parent (n int4); create table heir () inherits (parent);
      insert into parent select generate_series(1, ${rows / 2});
      insert into heir select generate_series(${rows / 2 + 1}, ${rows});
      analyze parted; analyze parent; analyze heir;`);
    for (const table of ["parted", "parent"]) {
      const source = sourceOf(database.url, table);
      const partitions = await planned(source, ["n"], many);
      expect(kinds(partitions)).toEqual(new Set([findsBlocks ? "blocks" : "whole"]));
      expect(sorted((await numbersRead(source, partitions)).flat())).toEqual(all);
    }
  });
});

describe("a table of another server", () => {
  it("is one partition under `snapshot`, which does not reach there", async ({ skip }) => {
    const offered = await database.query("select from pg_available_extensions where name = 'postgres_fdw'");
    if (offered.length === 0) skip("this server has no postgres_fdw");
    const { hostname, port, username, pathname } = new URL(database.url);
    await database.query(`
      create extension postgres_fdw;
      create server itself foreign data wrapper postgres_fdw
        options (host '${hostname}', port '${port}', dbname '${pathname.slice(1)}', use_remote_estimate 'true',
                 fdw_startup_cost '0', fdw_tuple_cost '0');
      create user mapping for current_user server itself options (user '${username}', password_required 'false');
      create table far (n int4 primary key, wide text);
      insert into far select n, repeat('x', 500) from generate_series(1, ${rows}) n; analyze far;
      create foreign table far_away (n int4 not null) server itself options (table_name 'far');`);
    const from = (consistency: "snapshot" | "none") =>
      sourceOf(database.url, "far_away", { consistency, key: ["n"] });
    const partitions = await planned(from("snapshot"), ["n"], many);
    expect(kinds(partitions)).toEqual(new Set(["whole"]));
    expect(sorted((await numbersRead(from("snapshot"), partitions)).flat())).toEqual(all);
    expect(kinds(await planned(from("none"), ["n"], many))).toEqual(new Set(["key"]));
  });
});

describe("an input without rows", () => {
  it("is known to have none, also if the estimate says otherwise", async () => {
    await database.query("create table empty (n int4)");
    expect(await planned(sourceOf(database.url, "empty"), ["n"])).toMatchObject([
      { rows: 0, range: { by: { kind: "whole" } } },
    ]);
    expect(await planned(sourceOf(database.url, queryOf("select 1 as n where false")), ["n"])).toMatchObject([
      { rows: 0 },
    ]);
  });
});

describe("one state for all partitions", () => {
  const run = { id: "r", key: { jobId: "j", scope: "s", generation: 1 } } as Run;

  it("is a snapshot: what changes after it was taken is not seen, and the table cannot be emptied", async () => {
    const input = inputOf(database.url, "even");
    const source = sourceOf(database.url, "even");
    const keeper = inputKeeper(input, url());
    const kept = await keeper?.keep(run, { columns: ["n"], partitions: await planned(source, ["n"], many) });
    if (kept === undefined) throw new Error("nothing was kept");
    try {
      await database.query(
        "update even set n = n + 100000 where n % 2 = 0; delete from even where n % 3 = 0; insert into even values (0, 'new')",
      );
      await expect(database.query("set lock_timeout = 100; truncate even")).rejects.toMatchObject({
        code: "55P03",
      });
      await expect(database.query("set lock_timeout = 100; vacuum full even")).rejects.toThrow();
      expect(sorted((await numbersRead(source, kept.partitions)).flat())).toEqual(all);
    } finally {
      await kept.release();
      await database.query(
        `truncate even; insert into even select n, md5(n::text) from generate_series(1, ${rows}) n; analyze even`,
      );
    }
    await expect(readAll(source, ["n"], { partitions: kept.partitions })).rejects.toMatchObject({
      code: "infra.snapshot-lost",
      retryable: false,
    });
  });

  it.each(["refreshed", "seen"])(
    "keeps a materialized view from being refreshed, whose rows would be new in every snapshot: %s",
    async (name) => {
      await database.query(`
        create table base as select generate_series(1, ${rows}) as n;
        create materialized view refreshed as select n from base;
        create view seen as select n from refreshed;`);
      const kept = await inputKeeper(inputOf(database.url, name), url())?.keep(run, {
        columns: ["n"],
        partitions: await planned(sourceOf(database.url, "refreshed"), ["n"], many),
      });
      try {
        await expect(
          database.query("set lock_timeout = 100; refresh materialized view refreshed"),
        ).rejects.toMatchObject({ code: "55P03" });
      } finally {
        await kept?.release();
        await database.query("drop table base cascade");
      }
    },
  );

  it("is never another snapshot that has got the same name", async () => {
    const source = sourceOf(database.url, "even");
    const keeper = inputKeeper(inputOf(database.url, "even"), url());
    const kept = await keeper?.keep(run, { columns: ["n"], partitions: await planned(source, ["n"], many) });
    const [first] = (kept?.partitions ?? []) as readonly PostgresPartition[];
    if (kept === undefined || first?.range === undefined) throw new Error("nothing was kept");
    const other = {
      ...first,
      range: { ...first.range, snapshot: `${first.range.snapshot?.split(" ")[0]} 1:1:` },
    };
    await expect(readAll(source, ["n"], { partitions: [other] })).rejects.toMatchObject({
      code: "infra.snapshot-lost",
    });
    await kept.release();
  });

  it("is a copy under `materialize`, of the columns that are read, made again for each generation", async () => {
    const read = queryOf("select n, a, interval '1 s' as unreadable from even where n > $1", 10);
    const input = inputOf(database.url, read, { consistency: "materialize" });
    const source = sourceOf(database.url, read, { consistency: "materialize" });
    const keeper = inputKeeper(input, url());
    const partitions = await planned(source, ["n"], many);
    expect(kinds(partitions)).toEqual(new Set([findsBlocks ? "share" : "whole"]));
    const kept = await keeper?.keep(run, { columns: ["n"], partitions });
    await kept?.release();
    await database.query("delete from even where n % 2 = 0");
    expect(sorted((await numbersRead(source, kept?.partitions ?? [])).flat())).toEqual(all.slice(10));
    const copies = () =>
      database.query<{ name: string; columns: number; logged: string }>(
        `select relname as name, relnatts::int4 as columns, relpersistence as logged from pg_class
         where relkind = 'r' and relnamespace = (select oid from pg_namespace where nspname = '${copySchema}')`,
      );
    expect(await copies()).toMatchObject([{ columns: 1, logged: "p" }]);
    const next = { ...run, key: { ...run.key, generation: 2 } };
    await keeper?.keep(next, { columns: ["n", "a"], partitions });
    expect(await copies()).toMatchObject([{ name: expect.stringMatching(/_g2$/), columns: 2 }]);
    await keeper?.forget(next);
    await keeper?.forget(next);
    expect(await copies()).toEqual([]);
  });

  it("is collected where the run is over, and no other", async () => {
    const input = inputOf(database.url, "even", { consistency: "materialize" });
    const partitions = await planned(sourceOf(database.url, "even", { consistency: "materialize" }), ["n"]);
    const keeper = inputKeeper(input, url());
    const other = { ...run, key: { ...run.key, scope: "another" } };
    for (const one of [run, other]) await keeper?.keep(one, { columns: ["n"], partitions });
    const copies = async () =>
      (await database.query(`select from pg_tables where schemaname = '${copySchema}'`)).length;
    const found = await keeper?.collect([run], true);
    expect(found).toMatchObject({ removed: [expect.stringContaining(copySchema)] });
    expect(found?.bytes).toBeGreaterThan(0);
    expect(await copies()).toBe(2);
    expect(await keeper?.collect([run], false)).toEqual(found);
    expect(await copies()).toBe(1);
    expect((await keeper?.collect([run], false))?.removed).toEqual([]);
    await keeper?.forget(other);
  });

  it("is not needed by one partition, nor kept under `none`", async () => {
    const partitions = await planned(sourceOf(database.url, "even"), ["n"]);
    const kept = await inputKeeper(inputOf(database.url, "even"), url())?.keep(run, {
      columns: ["n"],
      partitions,
    });
    expect(kept?.partitions).toMatchObject([{ range: { snapshot: null } }]);
    expect(inputKeeper(inputOf(database.url, "even", { consistency: "none" }), url())).toBeNull();
  });
});
