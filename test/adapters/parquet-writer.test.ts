import {
  Binary,
  Bool,
  DateDay,
  Dictionary,
  Duration,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  Map_,
  Null,
  type RecordBatch,
  Schema,
  SparseUnion,
  Struct,
  Table,
  TimeMicrosecond,
  Timestamp,
  TimeUnit,
  Uint8,
  Uint32,
  Uint64,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import { arrowSchema, columnOf } from "../../src/data/arrow-types.js";
import { typeName } from "../../src/data/column.js";
import { DataError } from "../../src/errors.js";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import { defaultWriterProfile } from "../../src/job/profile.js";
import {
  batchesOf,
  type Columns,
  hyparquetFooter,
  inspect,
  plainRows,
  readRows,
  sliceOf,
  writeParquet,
} from "../support/parquet-rows.js";

const format = parquetFormat();
const range = (length: number): readonly number[] => Array.from({ length }, (_, i) => i);
const item = <T extends Float32 | Utf8 | Int32>(type: T): Field<T> => new Field("element", type, true);

function every(rows: number): Columns {
  const of = <T>(value: (i: number) => T): (T | null)[] =>
    range(rows).map((i) => (i % 11 === 3 ? null : value(i)));
  return {
    bool: vectorFromArray(
      of((i) => i % 2 === 0),
      new Bool(),
    ),
    i8: vectorFromArray(
      of((i) => (i % 200) - 100),
      new Int8(),
    ),
    i16: vectorFromArray(
      of((i) => i * 3),
      new Int16(),
    ),
    i32: vectorFromArray(
      of((i) => i * 70_000),
      new Int32(),
    ),
    i64: vectorFromArray(
      of((i) => 2n ** 60n + BigInt(i)),
      new Int64(),
    ),
    u8: vectorFromArray(
      of((i) => i % 256),
      new Uint8(),
    ),
    u32: vectorFromArray(
      of((i) => 4_000_000_000 + i),
      new Uint32(),
    ),
    u64: vectorFromArray(
      of((i) => 2n ** 63n + BigInt(i)),
      new Uint64(),
    ),
    f16: vectorFromArray(
      of((i) => i / 4),
      new Float16(),
    ),
    f32: vectorFromArray(
      of((i) => Math.fround(Math.sin(i))),
      new Float32(),
    ),
    f64: vectorFromArray(
      of((i) => Math.cos(i)),
      new Float64(),
    ),
    text: vectorFromArray(
      of((i) => `ß${i % 17}`),
      new Utf8(),
    ),
    bytes: vectorFromArray(
      of((i) => Uint8Array.of(i % 256, 0, 255)),
      new Binary(),
    ),
    fixed: vectorFromArray(
      of((i) => Uint8Array.of(1, 2, 3, i % 256)),
      new FixedSizeBinary(4),
    ),
    day: vectorFromArray(
      of((i) => new Date(i * 86_400_000)),
      new DateDay(),
    ),
    time: vectorFromArray(
      of((i) => BigInt(i) * 1000n),
      new TimeMicrosecond(),
    ),
    at: vectorFromArray(
      of((i) => i * 1000),
      new Timestamp(TimeUnit.MILLISECOND, "America/Sao_Paulo"),
    ),
    nothing: vectorFromArray(
      range(rows).map(() => null),
      new Null(),
    ),
    nothings: vectorFromArray(
      of((i) => range(i % 3).map(() => null)),
      new List(new Field("element", new Null(), true)),
    ),
    list: vectorFromArray(
      of((i) => range(i % 4).map((j) => `${i}.${j}`)),
      new List(item(new Utf8())),
    ),
    vector: vectorFromArray(
      of((i) => [i, i / 2, -i]),
      new FixedSizeList(3, item(new Float32())),
    ),
    top: vectorFromArray(
      of((i) => range(i % 3).map((j) => ({ id: j, score: i / 8 }))),
      new List(
        new Field(
          "element",
          new Struct([new Field("id", new Int32(), true), new Field("score", new Float32(), true)]),
          true,
        ),
      ),
    ),
    category: vectorFromArray(
      of((i) => `c${i % 5}`),
      new Dictionary(new Utf8(), new Int32()),
    ),
  };
}

async function written(schema: Schema, batches: readonly RecordBatch[]): Promise<Uint8Array> {
  const writer = await format.createWriter(schema, { ...defaultWriterProfile, rowGroupRows: 64 });
  for (const batch of batches) writer.write(batch);
  return writer.finish();
}

describe("what is written is read again", () => {
  it("in every type, nulls included", async () => {
    const columns = every(200);
    const bytes = await writeParquet(columns);
    expect(await readRows(bytes)).toEqual(batchesOf(columns).flatMap(plainRows));
    const types = Object.values(columns).map((vector) =>
      typeName(columnOf(new Field("x", vector.type)).type),
    );
    expect((await inspect(bytes)).schema.map(({ type }) => typeName(type))).toEqual(types);
  });

  it("from slices of batches, which start anywhere", async () => {
    const batch = batchesOf(every(200))[0];
    if (batch === undefined) throw new Error("no batch");
    const slices = [
      sliceOf(batch, 3, 4),
      sliceOf(batch, 7, 90),
      sliceOf(batch, 90, 90),
      sliceOf(batch, 121, 200),
    ];
    const bytes = await written(batch.schema, slices);
    expect(await readRows(bytes)).toEqual(slices.flatMap(plainRows));
  });

  it("from batches with dictionaries of their own", async () => {
    const column = (values: readonly string[]): Vector =>
      vectorFromArray(values, new Dictionary(new Utf8(), new Int32()));
    const batches = [["b", "a", "b"], ["z", "b"], ["a"]].flatMap((values) =>
      batchesOf({ c: column(values) }),
    );
    const bytes = await written(
      arrowSchema([{ name: "c", type: { kind: "dictionary", value: { kind: "utf8" } }, nullable: true }]),
      batches,
    );
    expect((await readRows(bytes)).map((row) => row.c)).toEqual(["b", "a", "b", "z", "b", "a"]);
    expect((await inspect(bytes)).schema.map(({ type }) => typeName(type))).toEqual(["dictionary<string>"]);
  });

  it("with maps, and with no rows at all", async () => {
    const entries = new Struct<{ key: Utf8; value: Int32 }>([
      new Field("key", new Utf8(), false),
      new Field("value", new Int32(), true),
    ]);
    const map = vectorFromArray(
      [
        new Map([["a", 1]]),
        null,
        new Map([
          ["b", 2],
          ["c", 3],
        ]),
      ],
      new Map_(new Field("entries", entries, false)),
    );
    expect((await readRows(await writeParquet({ map }))).map((row) => row.map)).toEqual([
      { a: 1 },
      null,
      { b: 2, c: 3 },
    ]);
    const empty = await written(new Table(every(1)).schema, []);
    expect(await inspect(empty)).toMatchObject({ rows: 0, rowGroups: [] });
    expect((await inspect(empty)).schema).toHaveLength(23);
  });

  it("with the metadata of its fields", async () => {
    const schema = new Schema([
      new Field(
        "image",
        new FixedSizeList(4, item(new Float32())),
        true,
        new Map([["nightshift.shape", "[2,2]"]]),
      ),
    ]);
    expect((await inspect(await written(schema, []))).schema[0]?.metadata).toEqual({
      "nightshift.shape": "[2,2]",
    });
  });
});

describe("a writer", () => {
  it("copies what it is given", async () => {
    const batch = batchesOf({ x: vectorFromArray([1, 2, 3], new Float32()) })[0];
    const backing: Float32Array = batch?.data.children[0]?.values;
    if (batch === undefined) throw new Error("no batch");
    const writer = await format.createWriter(batch.schema, defaultWriterProfile);
    writer.write(batch);
    backing.fill(99);
    writer.write(batch);
    expect((await readRows(writer.finish())).map((row) => row.x)).toEqual([1, 2, 3, 99, 99, 99]);
  });

  it("counts rows and raw bytes as they come", async () => {
    const batch = batchesOf({ x: vectorFromArray(range(1000), new Float64()) })[0];
    if (batch === undefined) throw new Error("no batch");
    const writer = await format.createWriter(batch.schema, defaultWriterProfile);
    writer.write(batch);
    expect([writer.rows, writer.rawBytes >= 8000, writer.rawBytes < 9000]).toEqual([1000, true, true]);
    writer.write(batch);
    expect([writer.rows, writer.rawBytes >= 16_000]).toEqual([2000, true]);
  });

  it("makes the same bytes of the same rows, however they are cut", async () => {
    const batch = batchesOf(every(200))[0];
    if (batch === undefined) throw new Error("no batch");
    const once = await written(batch.schema, [batch]);
    const again = await written(batch.schema, [batch]);
    expect(Buffer.from(once).equals(again)).toBe(true);
  });

  it("uses dictionaries where values repeat, statistics for everything but floats, and row groups of the profile", async () => {
    const flat = hyparquetFooter(
      await writeParquet(
        {
          text: every(200).text ?? fail(),
          f32: every(200).f32 ?? fail(),
          key: vectorFromArray(
            Array.from({ length: 200 }, (_, row) => BigInt(row)),
            new Int64(),
          ),
          label: vectorFromArray(
            Array.from({ length: 200 }, (_, row) => BigInt(row % 3)),
            new Int64(),
          ),
        },
        { rowGroupRows: 80 },
      ),
    );
    expect(flat.row_groups.map((group) => Number(group.num_rows))).toEqual([80, 80, 40]);
    const facts = (flat.row_groups[0]?.columns ?? []).map(({ meta_data: meta }) => [
      meta?.path_in_schema.join("."),
      meta?.codec,
      meta?.encodings.includes("RLE_DICTIONARY"),
      meta?.statistics !== undefined,
    ]);
    expect(facts).toEqual([
      ["text", "SNAPPY", true, true],
      ["f32", "SNAPPY", false, false],
      ["key", "SNAPPY", false, true],
      ["label", "SNAPPY", true, true],
    ]);
    const nested = hyparquetFooter(
      await writeParquet({ vector: every(200).vector ?? fail(), text: every(200).text ?? fail() }),
    );
    expect(
      nested.row_groups[0]?.columns.map(({ meta_data: meta }) => meta?.encodings.includes("RLE_DICTIONARY")),
    ).toEqual([false, true]);
  });

  it("refuses a type that Parquet cannot hold, naming the column, before any row comes", async () => {
    const schema = new Schema([
      new Field("id", new Int32()),
      new Field("either", new SparseUnion([0], [new Field("a", new Int32())])),
    ]);
    const error = await format.createWriter(schema, defaultWriterProfile).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({ code: "format.unsupported-type", details: { column: "either" } });
    expect(() =>
      arrowSchema([{ name: "odd", type: { kind: "other", name: "duration" }, nullable: true }]),
    ).toThrow(/column "odd"/);
  });

  it("refuses a batch of another schema rather than end the file there", async () => {
    const writer = await format.createWriter(
      new Schema([new Field("x", new Int32(), true)]),
      defaultWriterProfile,
    );
    const other = batchesOf({ x: vectorFromArray([1.5], new Float32()) })[0];
    if (other === undefined) throw new Error("no batch");
    expect(() => writer.write(other)).toThrow(/does not have the writer's schema at column "x"/);
  });

  it("passes durations on, which have no type of ours", async () => {
    const schema = new Schema([new Field("took", new Duration(TimeUnit.MICROSECOND), true)]);
    expect((await inspect(await written(schema, []))).schema[0]?.type.kind).toBe("other");
  });
});

function fail(): never {
  throw new Error("no such column");
}
