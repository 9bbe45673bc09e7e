/** Embeddings in pgvector's columns: the real ones, made and found, with the extension where search paths do not lead. */
import {
  type Data,
  type DataType,
  Field,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int32,
  List,
  RecordBatch,
  Utf8,
} from "apache-arrow";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { arrowSchema } from "../../src/data/arrow-types.js";
import type { Column } from "../../src/data/column.js";
import type { PostgresWrite } from "../../src/sinks/postgres/postgres-write.js";
import { batchOf, column } from "../support/arrow-batches.js";
import { runOf } from "../support/file-target.js";
import { createDatabase, queryAt, type TestDatabase } from "../support/postgres-server.js";
import {
  columnsOf,
  freshTarget,
  type PostgresTarget,
  stagePartition,
  stageRun,
} from "../support/postgres-target.js";
import { seededRandom } from "../support/seeded-random.js";
import { vectorServer } from "../support/vector-server.js";

const server = vectorServer();

async function vectorTarget(schema?: string): Promise<PostgresTarget> {
  const database = await server.createDatabase(schema);
  onTestFinished(() => database.drop());
  return freshTarget(database);
}

const listOf = (size: number, item: DataType = new Float32()) =>
  new FixedSizeList(size, new Field("element", item, true));
const anyLength = (item: DataType = new Float32()) => new List(new Field("element", item, true));
const embedding = (...values: readonly (readonly (number | null)[] | null)[]) => column(listOf(3), values);

/** With ids from 0. */
function batchWith(columns: { readonly [name: string]: Data }): RecordBatch {
  const rows = Math.max(...Object.values(columns).map(({ length }) => length));
  const ids = Array.from({ length: rows }, (_, id) => id);
  return batchOf({ id: column(new Int32(), ids), ...columns });
}

async function publish(
  target: PostgresTarget,
  batch: RecordBatch,
  parts: Partial<PostgresWrite> = {},
  run = runOf("a"),
): Promise<void> {
  const sink = target.sink(parts);
  await sink.check(run, columnsOf(batch));
  await sink.publish(run, "f", await stageRun(target, run, [{ batch }], parts));
}

async function typesIn({ query }: TestDatabase): Promise<{ readonly [column: string]: string }> {
  const rows = await query<{ name: string; type: string }>(
    `select attname::text as name, format_type(atttypid, atttypmod) as type from pg_attribute
     where attrelid = 'public.scores'::regclass and attnum > 0 and not attisdropped order by attnum`,
  );
  return Object.fromEntries(rows.map(({ name, type }) => [name, type]));
}

async function textsIn({ query }: TestDatabase, name: string): Promise<readonly (string | null)[]> {
  const rows = await query<{ text: string | null }>(`select ${name}::text as text from scores order by id`);
  return rows.map(({ text }) => text);
}

/** As the pipeline marks lists that are no embeddings. */
const meanings: { readonly [column: string]: Pick<Column, "metadata"> } = {
  p: { metadata: { "nightshift.labels": '["a","b","c"]' } },
  image: { metadata: { "nightshift.shape": "[1,3]" } },
};

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error as { readonly details: { readonly problems: readonly string[] } },
  );

describe("a table made where the database has pgvector", () => {
  it("has vectors for embeddings, and the job's `layout` decides otherwise", async () => {
    const target = await vectorTarget("extensions");
    const batch = batchWith({
      plain: embedding([0.5, -1, 2], null),
      half: column(listOf(2, new Float16()), [[0.5, 2], null]),
      fine: column(listOf(2, new Float64()), [[0.1, 2], null]),
      some: column(anyLength(), [[1, 2], [3]]),
      counts: column(listOf(2, new Int32()), [[1, 2], null]),
      kept: embedding([1, 2, 3], null),
      json: embedding([1, 2, 3], null),
      small: embedding([0.1, 1e-8, 65504], null),
      loose: column(anyLength(new Float64()), [[0.1, 2], [3]]),
    });
    const layout = { kept: "array", json: "jsonb", small: "halfvec", loose: "vector" } as const;
    const outlook = await target.sink({ layout }).outlook({ interval: null }, columnsOf(batch));
    expect(outlook).toEqual([
      "makes the table public.scores",
      "plain is extensions.vector(3), as the database has pgvector; `layout: { plain: array }` makes it an array",
      "half is extensions.vector(2), as the database has pgvector; `layout: { half: array }` makes it an array",
      "small is extensions.halfvec(3)",
      "small is rounded from float32 to extensions.halfvec(3)",
      "loose is extensions.vector",
      "loose is rounded from float64 to extensions.vector",
    ]);
    await publish(target, batch, { layout });
    expect(await typesIn(target.database)).toEqual({
      id: "integer",
      plain: "extensions.vector(3)",
      half: "extensions.vector(2)",
      fine: "double precision[]",
      some: "real[]",
      counts: "integer[]",
      kept: "real[]",
      json: "jsonb",
      small: "extensions.halfvec(3)",
      loose: "extensions.vector",
    });
    expect(await textsIn(target.database, "plain")).toEqual(["[0.5,-1,2]", null]);
    expect(await textsIn(target.database, "half")).toEqual(["[0.5,2]", null]);
    expect(await textsIn(target.database, "small")).toEqual(["[0.099975586,0,65504]", null]);
    expect(await textsIn(target.database, "loose")).toEqual(["[0.1,2]", "[3]"]);
  });

  it("has arrays for probabilities of classes, and for what was flattened", async () => {
    const target = await vectorTarget();
    const plain = batchWith({
      e: embedding([1, 2, 3]),
      p: embedding([1, 2, 3]),
      image: embedding([1, 2, 3]),
    });
    const columns = columnsOf(plain).map((one) => ({ ...one, ...(meanings[one.name] ?? {}) }));
    const batch = new RecordBatch(arrowSchema(columns), plain.data);
    expect(columnsOf(batch)).toEqual(columns);
    const outlook = await target.sink().outlook({ interval: null }, columns);
    expect(outlook.slice(1)).toEqual([expect.stringContaining("e is vector(3)")]);
    await publish(target, batch);
    expect(await typesIn(target.database)).toEqual({
      id: "integer",
      e: "vector(3)",
      p: "real[]",
      image: "real[]",
    });
  });

  it("has vectors if the first attempt said so, also if the extension changes meanwhile", async () => {
    const target = await vectorTarget("extensions");
    const parts = { mode: "replace" } as const;
    const staged = (partition: number, batch: RecordBatch) =>
      stagePartition(
        target.url,
        target.write(parts),
        runOf("a"),
        partition,
        { batch },
        `attempt-${partition}`,
      );
    await target.database.query("drop extension vector");
    const first = await staged(0, batchWith({ e: embedding([1, 2, 3]) }));
    await target.database.query("create extension vector schema extensions");
    const second = await staged(1, batchWith({ e: embedding([4, 5, 6]) }));
    await target.sink(parts).publish(runOf("a"), "f", [first, second]);
    expect(await typesIn(target.database)).toEqual({ id: "integer", e: "real[]" });
    expect(await textsIn(target.database, "e")).toEqual(["{1,2,3}", "{4,5,6}"]);
  });
});

describe("without pgvector", () => {
  it("embeddings are arrays, which `plan` says, and vectors are refused", async () => {
    const database = await createDatabase();
    onTestFinished(() => database.drop());
    const target = await freshTarget(database);
    const columns = columnsOf(batchWith({ e: embedding([1, 2, 3]) }));
    const job = { interval: null };
    expect(await target.sink().outlook(job, columns)).toContain(
      "e is real[], as the database has no pgvector",
    );
    for (const layout of [{ e: "vector" }, { e: "halfvec" }] as const)
      await expect(target.sink({ layout }).outlook(job, columns)).rejects.toMatchObject({
        code: "postgres.no-vector",
        hint: expect.stringContaining("create extension vector"),
      });
  });

  it("counts as without where the role may not use the extension's schema", async () => {
    const target = await vectorTarget("extensions");
    const { query, name, url } = target.database;
    await query(`create role outsider_${name} login;
      grant usage on schema nightshift to outsider_${name}; grant select on all tables in schema nightshift to outsider_${name};
      grant create, usage on schema public to outsider_${name}; grant usage, create on schema nightshift to outsider_${name};
      grant insert, update, delete on all tables in schema nightshift to outsider_${name}`);
    onTestFinished(() => query(`drop owned by outsider_${name}; drop role outsider_${name}`).then(() => {}));
    const through = new URL(url);
    through.username = `outsider_${name}`;
    const columns = columnsOf(batchWith({ e: embedding([1, 2, 3]) }));
    const look = () => target.sink({}, through.href).outlook({ interval: null }, columns);
    expect(await look()).toContain("e is real[], as the database has no pgvector");
    await query(`grant usage on schema extensions to outsider_${name}`);
    expect((await look()).join()).toContain("e is extensions.vector(3)");
  });
});

describe("a table that is there", () => {
  it("takes embeddings into its vectors, and halves where no digit is lost", async () => {
    const target = await vectorTarget("extensions");
    await target.database.query(`create table scores (id integer, v extensions.vector(3), w extensions.vector,
      h extensions.halfvec(3), i extensions.halfvec(2))`);
    const batch = batchWith({
      v: embedding([0.1, 3.4e38, -1e-45], null),
      w: column(anyLength(new Float64()), [[0.5, 0.25], [1]]),
      h: embedding([0.5, 2048, -6.103515625e-5], null),
      i: column(listOf(2, new Int32()), [[2048, -1], null]),
    });
    const outlook = await target.sink().outlook({ interval: null }, columnsOf(batch));
    expect(outlook.slice(1)).toEqual([
      "w is float64, and goes into extensions.vector where no digit is lost; `layout: { w: vector }` rounds it",
      "h is float32, and goes into extensions.halfvec(3) where no digit is lost; `layout: { h: halfvec }` rounds it",
      "i is int32, and goes into extensions.halfvec(2) where no digit is lost; `layout: { i: halfvec }` rounds it",
    ]);
    await publish(target, batch);
    expect(await textsIn(target.database, "v")).toEqual(["[0.1,3.4e+38,-1e-45]", null]);
    expect(await textsIn(target.database, "w")).toEqual(["[0.5,0.25]", "[1]"]);
    expect(await textsIn(target.database, "h")).toEqual(["[0.5,2048,-6.1035156e-05]", null]);
    expect(await textsIn(target.database, "i")).toEqual(["[2048,-1]", null]);
  });

  it("is compared before anything runs: sizes, types, and what `layout` says", async () => {
    const target = await vectorTarget("extensions");
    await target.database.query(`create table scores (id integer, v extensions.vector(4), h extensions.halfvec(2),
      a real[], t text, s extensions.vector(3))`);
    const batch = batchWith({
      v: embedding([1, 2, 3]),
      h: embedding([1, 2, 3]),
      a: embedding([1, 2, 3]),
      t: embedding([1, 2, 3]),
      s: column(listOf(3, new List(new Field("element", new Float32()))), [[[1], [2], [3]]]),
      entirely_new: embedding([1, 2, 3]),
    });
    const layout = { a: "vector" } as const;
    const refused = await refusal(target.sink({ layout }).check(runOf("a"), columnsOf(batch)));
    expect(refused).toMatchObject({ code: "postgres.columns" });
    expect(refused?.details.problems).toEqual([
      "v: the column is extensions.vector(4), and the predictions are list<float32>[3]; make it extensions.vector(3)",
      "h: the column is extensions.halfvec(2), and the predictions are list<float32>[3]; make it extensions.halfvec(3)",
      "a: the column is real[], and `layout` says vector; leave the layout out, or alter the column",
      "t: the column is text, and the predictions are list<float32>[3]; make it extensions.vector(3)",
      "s: the column is extensions.vector(3), and the predictions are list<list<float32>>[3]; make it jsonb",
      "entirely_new: there is no such column; add it: extensions.vector(3)",
    ]);
  });

  it("says which layouts cannot be", async () => {
    const target = await vectorTarget();
    const batch = batchWith({
      long: column(listOf(16_001), [Array(16_001).fill(0)]),
      words: column(listOf(2, new Int32()), [[1, 2]]),
    });
    const layout = { long: "vector", words: "halfvec" } as const;
    const refused = await refusal(target.sink({ layout }).check(runOf("a"), columnsOf(batch)));
    expect(refused?.details.problems).toEqual([
      "layout.long: a vector has 1 to 16,000 numbers, and the column is list<float32>[16001]",
      "layout.words: a halfvec is made of floats, and the column is list<int32>[2]",
    ]);
  });

  let shared: TestDatabase | null = null;
  afterAll(() => shared?.drop());
  const nan = Number.NaN;
  const wide = (...values: readonly number[]) => column(anyLength(new Float64()), [values]);
  it.each<[string, string, Data, string]>([
    ["a null inside", "vector(3)", embedding([1, null, 3]), "cannot store a null"],
    ["NaN", "vector(3)", embedding([1, nan, 3]), "cannot store a number that is not finite"],
    ["infinity", "halfvec(3)", embedding([1, 2, Infinity]), "cannot store a number that is not finite"],
    ["a list of another length", "vector(3)", column(anyLength(), [[1, 2]]), "has 2 numbers"],
    ["an empty list", "vector", column(anyLength(), [[]]), "has 0 numbers"],
    ["more digits than float32", "vector", wide(0.1), "more digits than a vector"],
    ["more than float32 holds", "vector", wide(1e300), "too large for a vector"],
    ["more digits than a half", "halfvec(3)", embedding([0.1, 1, 1]), "layout: { x: halfvec }"],
    ["an integer that halves skip", "halfvec(2)", column(listOf(2, new Int32()), [[2049, 1]]), "more digits"],
    ["more than a half holds", "halfvec(3)", embedding([65_520, 1, 1]), "Use a column of type vector"],
  ])("refuses %s, without the value, and publishes nothing", async (name, type, data, what) => {
    shared ??= await server.createDatabase("extensions");
    const target = await freshTarget(shared);
    await shared.query(`drop table if exists scores; create table scores (id integer, x extensions.${type})`);
    const failed = (await refusal(
      publish(target, batchWith({ x: data }), {}, runOf(name)),
    )) as unknown as Error;
    expect(failed).toMatchObject({ code: "data.database-value" });
    const { hint } = failed as unknown as { readonly hint: string };
    expect(`${failed.message} ${hint}`).toContain(what);
    expect(`${failed.message} ${hint}`).not.toMatch(/2049|65,?520|1e\+?300/);
    expect(await textsIn(target.database, "x")).toEqual([]);
  });
});

it("halves are rounded as the server rounds them", async () => {
  const target = await vectorTarget();
  const random = seededRandom(7);
  const sizes = [2 ** -26, 2 ** -24, 2 ** -14, 1, 2000, 65_000];
  const numbers = sizes.flatMap((size) => Array.from({ length: 2000 }, () => (random() - 0.5) * 2 * size));
  // Between two neighbours, to the even one.
  const ties = Array.from({ length: 2000 }, (_, at) => 1 + (at + 0.5) / 1024);
  const values = [...numbers, ...ties, 2 ** -25, 2 ** -24, 65_519.99, -0];
  const data = column(listOf(values.length), [values]);
  await publish(target, batchWith({ v: data, h: data }), { layout: { h: "halfvec" } });
  const [row] = await target.database.query<{ same: boolean; h: string }>(
    "select v::halfvec::text = h::text as same, h::text from scores",
  );
  expect(row?.same).toBe(true);
  expect(JSON.parse(row?.h ?? "[]")).toHaveLength(values.length);
});

describe("an index over embeddings", () => {
  const rows = 300;
  /** On a spiral, so that neighbours are those with the nearest ids. */
  const spiral = (id: number, turn: number) => [Math.cos(turn + id / 50), Math.sin(turn + id / 50), id / 100];
  const spirals = (turn: number) =>
    column(
      listOf(3),
      Array.from({ length: rows }, (_, id) => spiral(id, turn)),
    );

  /** @param without the server's other way of finding them */
  async function nearest(
    { url }: TestDatabase,
    turn: number,
    without: "enable_seqscan" | "enable_indexscan",
  ): Promise<readonly number[]> {
    const session = new URL(url);
    session.searchParams.set("options", `-c ${without}=off`);
    const text = `select id from scores order by e operator(extensions.<->) '[${spiral(120, turn)}]' limit 5`;
    const plan = await queryAt(session.href, `explain ${text}`);
    expect(JSON.stringify(plan).includes("scores_e_idx")).toBe(without === "enable_seqscan");
    return (await queryAt<{ id: number }>(session.href, text)).map(({ id }) => id);
  }

  it.each(["replace", "upsert"] as const)(
    "stays under `%s`, is used, and is right after a rollback",
    async (mode) => {
      const target = await vectorTarget("extensions");
      const { database } = target;
      await database.query(`create table scores (id integer primary key, e extensions.vector(3) not null
        ${mode === "upsert" ? ", nightshift_run bigint, nightshift_as_of timestamptz" : ""});
      create index scores_e_idx on scores using hnsw (e extensions.vector_l2_ops) with (m = 8)`);
      const index = () =>
        database.query(
          "select pg_get_indexdef('scores_e_idx'::regclass) as def, indisvalid from pg_index where indexrelid = 'scores_e_idx'::regclass",
        );
      const before = await index();
      const parts = { mode, key: ["id"] } as const;
      for (const [generation, turn] of [
        [1, 0],
        [2, 1],
      ] as const) {
        await publish(
          target,
          batchWith({ e: spirals(turn) }),
          parts,
          runOf(`g${generation}`, { scope: "all", generation }),
        );
        expect(await index()).toEqual(before);
        const ids = await nearest(database, turn, "enable_seqscan");
        expect(ids).toEqual(await nearest(database, turn, "enable_indexscan"));
        expect(ids[0]).toBe(120);
      }
      await target.sink(parts).rollback();
      expect(await index()).toEqual(before);
      expect((await nearest(database, 0, "enable_seqscan"))[0]).toBe(120);
      expect(await textsIn(database, "e")).toHaveLength(rows);
    },
  );

  it("of a partitioned table is there for partitions that are attached", async () => {
    const target = await vectorTarget("extensions");
    const { database } = target;
    await database.query(`create table scores (id integer, e extensions.vector(3), dt text) partition by list (dt);
      create index on scores using hnsw (e extensions.vector_cosine_ops)`);
    const parts = { mode: "replace", partitionBy: ["dt"], layout: {} } as const;
    for (const [generation, turn] of [
      [1, 0],
      [2, 1],
    ] as const) {
      const day = "2026-01-01";
      const dt = column(new Utf8(), Array(rows).fill(day));
      const run = runOf(`g${generation}`, { day, generation });
      await publish(target, batchWith({ e: spirals(turn), dt }), parts, run);
      const [indexes] = await database.query(
        `select count(*)::int as attached, bool_and(i.indisvalid) as valid from pg_inherits p
         join pg_index i on i.indexrelid = p.inhrelid where p.inhparent = 'scores_e_idx'::regclass`,
      );
      expect(indexes).toEqual({ attached: 1, valid: true });
    }
    expect(await textsIn(database, "e")).toHaveLength(rows);
  });
});
