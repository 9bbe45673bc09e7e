/** What a value is in Arrow, it is in the table; or the column is named that it does not fit. */
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  makeData,
  makeVector,
  type RecordBatch,
  Struct,
  Table,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  Uint32,
  Uint64,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import type { PostgresWrite } from "../../src/sinks/postgres/postgres-write.js";
import { runOf } from "../support/file-target.js";
import { columnsOf, freshTarget, stageRun } from "../support/postgres-target.js";

function batchWith(columns: { readonly [name: string]: Vector }): RecordBatch {
  const [batch] = new Table({ ...columns }).batches;
  if (batch === undefined) throw new Error("a table of one batch");
  return batch;
}

function column(type: DataType, values: readonly unknown[]): Vector {
  return vectorFromArray(values as unknown[], type);
}

/** Publishes a batch into a table made for it, or into one that is there. */
async function published(batch: RecordBatch, parts: Partial<PostgresWrite> = {}, before?: string) {
  const target = await freshTarget();
  if (before !== undefined) await target.database.query(before);
  const sink = target.sink({ mode: "error", ...parts });
  await sink.check(runOf("a"), columnsOf(batch));
  const receipts = await stageRun(target, runOf("a"), [{ batch }], { mode: "error", ...parts });
  await sink.publish(runOf("a"), "f", receipts);
  const rows = await target.database.query("select to_jsonb(s) as row from public.scores s order by ctid");
  const types = await target.database.query<{ name: string; type: string }>(
    "select attname::text as name, format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = 'public.scores'::regclass and attnum > 0 and not attisdropped",
  );
  return {
    rows: rows.map((one) => (one as { row: unknown }).row),
    types: Object.fromEntries(types.map(({ name, type }) => [name, type])),
    receipts,
  };
}

const topK = new List(
  new Field(
    "element",
    new Struct([new Field("item", new Utf8(), true), new Field("score", new Float32(), true)]) as DataType,
    true,
  ),
);
const lists = [
  [
    { item: "a", score: 0.5 },
    { item: "b", score: 0.1 },
  ],
  [],
  null,
];

describe("a table made for the predictions", () => {
  it("has their types and their values, nulls included", async () => {
    const { rows, types } = await published(
      batchWith({
        yes: column(new Bool(), [true, false, null]),
        i8: column(new Int8(), [-128, 127, null]),
        i16: column(new Int16(), [-32_768, 32_767, null]),
        i32: column(new Int32(), [-2_147_483_648, 2_147_483_647, null]),
        i64: column(new Int64(), [-(2n ** 63n), 2n ** 63n - 1n, null]),
        u32: column(new Uint32(), [0, 4_294_967_295, null]),
        u64: column(new Uint64(), [0n, 2n ** 64n - 1n, null]),
        f16: column(new Float16(), [0.5, -2, null]),
        f32: column(new Float32(), [0.1, Number.NaN, null]),
        f64: column(new Float64(), [0.1, Number.POSITIVE_INFINITY, null]),
        text: column(new Utf8(), ["", "naïve 😀", null]),
        dict: column(new Dictionary(new Utf8(), new Int32()), ["x", "y", null]),
        bytes: column(new Binary(), [new Uint8Array([0, 255]), new Uint8Array(), null]),
        day: column(new DateDay(), [new Date("1969-12-31"), new Date("2026-01-15"), null]),
        at: column(new TimestampMicrosecond("UTC"), [
          new Date("1999-12-31T23:59:59.5Z"),
          new Date("2026-01-15"),
          null,
        ]),
        plain: column(new TimestampMicrosecond(), [
          new Date("1970-01-01T00:00:01Z"),
          new Date("2026-01-15"),
          null,
        ]),
      }),
    );
    expect(types).toEqual({
      yes: "boolean",
      i8: "smallint",
      i16: "smallint",
      i32: "integer",
      i64: "bigint",
      u32: "bigint",
      u64: "numeric(20,0)",
      f16: "real",
      f32: "real",
      f64: "double precision",
      text: "text",
      dict: "text",
      bytes: "bytea",
      day: "date",
      at: "timestamp with time zone",
      plain: "timestamp without time zone",
    });
    const [first, second, third] = rows as Record<string, unknown>[];
    expect(first).toMatchObject({
      yes: true,
      i8: -128,
      i16: -32_768,
      i32: -2_147_483_648,
      u32: 0,
      u64: 0,
      f16: 0.5,
      f32: 0.1,
      f64: 0.1,
    });
    expect(first).toMatchObject({
      text: "",
      dict: "x",
      bytes: "\\x00ff",
      day: "1969-12-31",
      plain: "1970-01-01T00:00:01",
    });
    expect(new Date(String(first?.at)).toISOString()).toBe("1999-12-31T23:59:59.500Z");
    expect(second).toMatchObject({
      i8: 127,
      u32: 4_294_967_295,
      f32: "NaN",
      f64: "Infinity",
      text: "naïve 😀",
      dict: "y",
      bytes: "\\x",
    });
    expect(Object.values(third ?? {}).every((value) => value === null)).toBe(true);
  });

  it("keeps integers of 64 bits exactly", async () => {
    const target = await freshTarget();
    const batch = batchWith({
      i64: column(new Int64(), [-(2n ** 63n)]),
      u64: column(new Uint64(), [2n ** 64n - 1n]),
    });
    const receipts = await stageRun(target, runOf("a"), [{ batch }]);
    await target.sink().publish(runOf("a"), "f", receipts);
    expect(await target.database.query("select i64::text, u64::text from scores")).toEqual([
      { i64: "-9223372036854775808", u64: "18446744073709551615" },
    ]);
  });

  it("has arrays for embeddings and JSON for lists of structs", async () => {
    const embedding = new FixedSizeList(2, new Field("element", new Float32(), true));
    const { rows, types } = await published(
      batchWith({
        e: column(embedding, [[0.5, 1.5], [2, 3], null]),
        tags: column(new List(new Field("element", new Utf8(), true)), [["a", null], [], null]),
        recs: column(topK, lists),
      }),
    );
    expect(types).toEqual({ e: "real[]", tags: "text[]", recs: "jsonb" });
    expect(rows).toEqual([
      { e: [0.5, 1.5], tags: ["a", null], recs: lists[0] },
      { e: [2, 3], tags: [], recs: [] },
      { e: null, tags: null, recs: null },
    ]);
  });

  it("has days and times in JSON as the server writes them, before Christ and after JavaScript's last day too", async () => {
    const days = [-735_160, 0, 11_016, 2_145_042_905];
    const micros = [-63_517_787_999_500_000n, -1n, 0n, 9_223_371_244_799_500_000n];
    const { rows } = await published(
      batchWith({
        day: makeVector(makeData({ type: new DateDay(), data: Int32Array.from(days) })),
        at: makeVector(makeData({ type: new TimestampMicrosecond(), data: BigInt64Array.from(micros) })),
      }),
      {},
      "create table scores (day jsonb, at jsonb)",
    );
    expect(rows).toEqual([
      { day: "0044-03-15 BC", at: "0044-03-15T10:00:00.5 BC" },
      { day: "1970-01-01", at: "1969-12-31T23:59:59.999999" },
      { day: "2000-02-29", at: "1970-01-01T00:00:00" },
      { day: "5874897-12-31", at: "294246-12-31T23:59:59.5" },
    ]);
  });

  it("has an array for each field under `array`", async () => {
    const { rows } = await published(batchWith({ recs: column(topK, lists) }), { layout: { recs: "array" } });
    expect(rows).toEqual([
      { recs_item: ["a", "b"], recs_score: [0.5, 0.1] },
      { recs_item: [], recs_score: [] },
      { recs_item: null, recs_score: null },
    ]);
  });

  it("has a row for each element under `explode`, and counts predictions all the same", async () => {
    const batch = batchWith({ user: column(new Int32(), [1, 2, 3]), recs: column(topK, lists) });
    const { rows, receipts } = await published(batch, { layout: { recs: "explode" } });
    expect(rows).toEqual([
      { user: 1, item: "a", score: 0.5 },
      { user: 1, item: "b", score: 0.1 },
    ]);
    expect(receipts[0]?.rows.predicted).toBe(3);
  });
});

describe("a table that is there", () => {
  it("takes what fits its own types", async () => {
    const { rows } = await published(
      batchWith({
        id: column(new Int64(), [7n]),
        score: column(new Float32(), [0.25]),
        cents: column(new Decimal(2, 9, 128), [new Uint32Array([12_345, 0, 0, 0])]),
        mood: column(new Utf8(), ["glad"]),
        uid: column(new Utf8(), ["00112233-4455-6677-8899-aabbccddeeff"]),
        doc: column(new Utf8(), ['{"a": 1}']),
      }),
      {},
      `create type mood as enum ('sad', 'glad'); create domain small as integer check (value < 100);
       create table scores (doc jsonb, id small, score numeric(6,3), cents numeric, mood mood, uid uuid, made timestamptz default '2026-01-01Z')`,
    );
    expect(rows).toMatchObject([
      {
        id: 7,
        score: 0.25,
        cents: 123.45,
        mood: "glad",
        uid: "00112233-4455-6677-8899-aabbccddeeff",
        doc: { a: 1 },
      },
    ]);
  });

  it("names every column that does not fit, with what to do, before anything runs", async () => {
    const target = await freshTarget();
    await target.database.query(
      "create table scores (id integer, scor real, label integer, must text not null, twice integer generated always as (id * 2) stored)",
    );
    const batch = batchWith({
      id: column(new Int64(), [1n]),
      score: column(new Float32(), [1]),
      label: column(new Utf8(), ["a"]),
      twice: column(new Int32(), [1]),
    });
    const refusal = await target
      .sink({ mode: "error" })
      .check(runOf("a"), columnsOf(batch))
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "postgres.columns" });
    expect((refusal as { details: { problems: string[] } }).details.problems).toEqual([
      "score: there is no such column; did you mean scor?",
      "label: the column is integer, and the predictions are string; make it text",
      "twice: the table computes it itself; leave it out of the output",
      "must: it is text NOT NULL without a default, and no output has its name",
    ]);
  });

  it("names the columns that the table's own types round, and no others", async () => {
    const target = await freshTarget();
    await target.database.query(
      `create table scores (p numeric(6,3), q numeric, r real, list numeric(3,1)[], exact numeric(9,2), whole numeric(5,0),
                            at timestamp(0), day timestamp(3))`,
    );
    const float = (value: number) => column(new Float32(), [value]);
    const micros = makeVector(makeData({ type: new TimestampMicrosecond(), data: BigInt64Array.of(1n) }));
    const batch = batchWith({
      ...{ p: float(0.5), q: float(0.5), r: float(0.5) },
      list: vectorFromArray([[0.25]], new List(new Field("item", new Float32(), true))),
      exact: column(new Decimal(2, 9, 128), [new Uint32Array([1, 0, 0, 0])]),
      whole: column(new Int32(), [1]),
      at: micros,
      day: makeVector(makeData({ type: new TimestampMillisecond(), data: BigInt64Array.of(1n) })),
    });
    expect(await target.sink({ mode: "error" }).outlook({ interval: null }, columnsOf(batch))).toEqual([
      "fills public.scores, which is empty",
      "rounds p to numeric(6,3), list to numeric(3,1)[], at to timestamp(0) without time zone",
    ]);
  });

  it.each([
    ["an integer too large", column(new Int64(), [3_000_000_000n]), "integer"],
    [
      "a time with nanoseconds",
      makeVector(makeData({ type: new TimestampNanosecond(), data: BigInt64Array.of(1n) })),
      "timestamp",
    ],
    ["a text that is no UUID", column(new Utf8(), ["canary-value"]), "uuid"],
    ["a text too long", column(new Utf8(), ["canary-value"]), "varchar(3)"],
    ["a text that is no member", column(new Utf8(), ["canary-value"]), "mood"],
  ])("refuses %s, without the value", async (_, values, type) => {
    const failed = await published(
      batchWith({ x: values }),
      {},
      `create type mood as enum ('a'); create table scores (x ${type})`,
    ).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: "data.database-value" });
    expect(String(failed)).not.toContain("canary");
  });
});
