import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
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
  Null,
  Struct,
  TimeMicrosecond,
  TimeMillisecond,
  Timestamp,
  TimeUnit,
  Uint8,
  Uint32,
  Uint64,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { typeName, unreadablePart } from "../../src/data/column.js";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import { fileSource } from "../../src/sources/files/file-source.js";
import { localStore } from "../../src/stores/local/local-store.js";
import { type Columns, plainRows, writeParquet } from "../support/parquet-rows.js";

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-several-")));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function put(name: string, columns: Columns): Promise<void> {
  writeFileSync(join(root, name), await writeParquet(columns));
}

function source(names: readonly string[], missingColumns: "fail" | "nulls" = "fail") {
  const from = names.map((name) => join(root, name));
  return fileSource({ from, store: localStore(), format: parquetFormat(), missingColumns });
}

const signal = new AbortController().signal;

/** Type and values of a column over all files. */
async function readColumn(input: ReturnType<typeof source>, column: string) {
  const schema = await input.schema();
  const type = schema.find(({ name }) => name === column)?.type;
  if (type === undefined) throw new Error("no such column");
  const values: unknown[] = [];
  for await (const partition of input.plan(
    { columns: [column], partitionRows: "auto", minPartitions: 1 },
    signal,
  ))
    for await (const { batch } of input.read(
      partition,
      { columns: [column], schema, chunkRows: 100 },
      signal,
    ))
      values.push(...plainRows(batch).map((row) => row[column]));
  return { type: typeName(type), values };
}

const list = (item: DataType) => new List(new Field("element", item, true));
const us = (zone: string | null) => new Timestamp(TimeUnit.MICROSECOND, zone);
const ms = new Timestamp(TimeUnit.MILLISECOND, null);
const of = (values: readonly unknown[], type: DataType): Vector => vectorFromArray(values, type);
const day = Date.UTC(2026, 0, 15);
const dayDecimal = (unscaled: number, scale: number, precision: number): Vector => {
  const type = new Decimal(scale, precision, 128);
  return vectorFromArray([Uint32Array.of(unscaled, 0, 0, 0)], type);
};

describe("a column of several types is read as the smallest type that holds all", () => {
  const joined: readonly (readonly [string, readonly Vector[], string, readonly unknown[]])[] = [
    ["int8, int16", [of([-5], new Int8()), of([300, null], new Int16())], "int16", [-5, 300, null]],
    ["int32, int64", [of([1], new Int32()), of([2n ** 60n], new Int64())], "int64", [1n, 2n ** 60n]],
    ["uint32, int32", [of([4e9], new Uint32()), of([-1], new Int32())], "int64", [4_000_000_000n, -1n]],
    [
      "uint8, int8, int64",
      [of([255], new Uint8()), of([-1], new Int8()), of([7n], new Int64())],
      "int64",
      [255n, -1n, 7n],
    ],
    ["float32, float64", [of([0.5], new Float32()), of([0.1], new Float64())], "float64", [0.5, 0.1]],
    ["float16, float32", [of([0.5], new Float16()), of([0.25], new Float32())], "float32", [0.5, 0.25]],
    ["int16, float32", [of([-7], new Int16()), of([0.5], new Float32())], "float32", [-7, 0.5]],
    [
      "int32, uint32, float64",
      [of([-7], new Int32()), of([4e9], new Uint32()), of([0.5], new Float64())],
      "float64",
      [-7, 4e9, 0.5],
    ],
    ["null, text", [of([null], new Null()), of(["z"], new Utf8())], "string", [null, "z"]],
    ["null, float64", [of([null], new Null()), of([2], new Float64())], "float64", [null, 2]],
    ["null, list", [of([null], new Null()), of([[1]], list(new Int32()))], "list<int32>", [null, [1]]],
    [
      "dictionary, text",
      [of(["a", "b", "a"], new Dictionary(new Utf8(), new Int32())), of(["c"], new Utf8())],
      "string",
      ["a", "b", "a", "c"],
    ],
    ["milliseconds, microseconds", [of([1500], ms), of([2000], us(null))], "timestamp[us]", [1500, 2000]],
    ["date, timestamp", [of([day], new DateDay()), of([1500], ms)], "timestamp[ms]", [day, 1500]],
    ["UTC by two names", [of([1], us("UTC")), of([2], us("+00:00"))], "timestamp[us, UTC]", [1, 2]],
    [
      "times of a day",
      [of([1500], new TimeMillisecond()), of([7n], new TimeMicrosecond())],
      "time[us]",
      [1_500_000n, 7n],
    ],
    [
      "bytes of one width and of any",
      [of([Uint8Array.of(65, 66)], new FixedSizeBinary(2)), of([Uint8Array.of(67)], new Binary())],
      "binary",
      ["AB", "C"],
    ],
    [
      "lists of int32 and of int64",
      [of([[1, 2], null], list(new Int32())), of([[3n]], list(new Int64()))],
      "list<int64>",
      [[1n, 2n], null, [3n]],
    ],
    [
      "lists of one length and of any",
      [
        of([[1, 2]], new FixedSizeList(2, new Field("element", new Float32(), true))),
        of([[3]], list(new Float64())),
      ],
      "list<float64>",
      [[1, 2], [3]],
    ],
    [
      "fields of structs",
      [
        of(
          [{ a: 1, b: "x" }],
          new Struct([new Field("a", new Int32(), true), new Field("b", new Utf8(), true)]),
        ),
        of(
          [{ b: "y", a: 2.5 }],
          new Struct([new Field("b", new Utf8(), true), new Field("a", new Float64(), true)]),
        ),
      ],
      "struct<a: float64, b: string>",
      [
        { a: 1, b: "x" },
        { a: 2.5, b: "y" },
      ],
    ],
  ];

  it.each(joined)("%s", async (_, vectors, type, values) => {
    const names = vectors.map((_vector, at) => `${at}.parquet`);
    for (const [at, vector] of vectors.entries()) await put(names[at] ?? "", { x: vector });
    expect(await readColumn(source(names), "x")).toEqual({ type, values });
    // The same type in every order of files.
    const turned = (await source([...names].reverse()).schema()).map((column) => typeName(column.type));
    if (!type.startsWith("struct")) expect(turned).toEqual([type]);
  });

  it("decimals keep their digits on both sides of the point, and take integers in", async () => {
    await put("a.parquet", { x: dayDecimal(1234, 2, 6) });
    await put("b.parquet", { x: dayDecimal(5, 4, 5) });
    await put("c.parquet", { x: of([-3], new Int8()) });
    const { type, values } = await readColumn(source(["a.parquet", "b.parquet", "c.parquet"]), "x");
    expect(type).toBe("decimal(8, 4)");
    expect(values.map((value) => JSON.parse(String(value)))).toEqual(["123400", "5", "-30000"]);
  });
});

describe("a column without a type that holds all", () => {
  const refused: readonly (readonly [string, Vector, Vector])[] = [
    ["int64 and float64", of([1n], new Int64()), of([0.5], new Float64())],
    ["int64 and uint64", of([1n], new Int64()), of([1n], new Uint64())],
    ["text and int32", of(["a"], new Utf8()), of([1], new Int32())],
    ["text and bytes", of(["a"], new Utf8()), of([Uint8Array.of(65)], new Binary())],
    ["boolean and int8", of([true], new Bool()), of([1], new Int8())],
    ["a zone and none", of([1], us("UTC")), of([1], us(null))],
    ["two zones", of([1], us("Europe/Lisbon")), of([1], us("UTC"))],
    ["a date and an instant", of([day], new DateDay()), of([1], us("UTC"))],
    ["a list and its element", of([[1]], list(new Int32())), of([1], new Int32())],
  ];

  it.each(refused)("%s: the schema says which files have which", async (_, one, other) => {
    await put("a.parquet", { x: one, y: of([1], new Int32()) });
    await put("b.parquet", { x: other, y: of([2], new Int32()) });
    const input = source(["a.parquet", "b.parquet"]);
    const [x] = await input.schema();
    expect(x && unreadablePart(x.type)?.problem).toMatchObject({
      code: "source.schema-drift",
      details: { column: "x", file: join(root, "b.parquet"), other: join(root, "a.parquet") },
    });
    // A job that does not read the column is not affected.
    expect((await readColumn(input, "y")).values).toEqual([1, 2]);
  });

  it("an instant that the finer unit does not reach fails by name, and is not wrapped", async () => {
    await put("a.parquet", { x: of([253_402_214_400_000], ms) });
    await put("b.parquet", { x: of([1], new Timestamp(TimeUnit.NANOSECOND, null)) });
    await expect(readColumn(source(["a.parquet", "b.parquet"]), "x")).rejects.toMatchObject({
      code: "data.out-of-range",
      details: { column: "x", row: 0, file: join(root, "a.parquet") },
    });
  });

  it("a name that one file has twice cannot be read, and others can", async () => {
    const twice = await writeParquet({ x: of([1], new Int32()), y: of([2], new Int32()) });
    // The footer has no checksum: the second column's name is changed in place.
    const bytes = Buffer.from(twice);
    for (let at = bytes.indexOf("y"); at >= 0; at = bytes.indexOf("y", at + 1))
      if (bytes[at - 1] === 1) bytes[at] = "x".charCodeAt(0);
    writeFileSync(join(root, "a.parquet"), bytes);
    const schema = await source(["a.parquet"]).schema();
    expect(schema.map(({ name, type }) => [name, unreadablePart(type)?.problem?.code])).toEqual([
      ["x", "data.unsupported"],
    ]);
  });
});

describe("a column that some files do not have", () => {
  it("is nulls there on request, of any type, whatever the order of the files", async () => {
    const types: readonly (readonly [string, DataType, unknown])[] = [
      ["bool", new Bool(), true],
      ["text", new Utf8(), "a"],
      ["float", new Float64(), 0.5],
      ["list", list(new Utf8()), ["a"]],
      ["fixed", new FixedSizeList(2, new Field("element", new Float32(), true)), [1, 2]],
      ["struct", new Struct([new Field("f", list(new Int32()), true)]), { f: [1] }],
      ["when", us("UTC"), null],
    ];
    const columns = Object.fromEntries(types.map(([name, type, value]) => [name, of([value], type)]));
    await put("a.parquet", { id: of([1, 2], new Int32()) });
    await put("b.parquet", { ...columns, id: of([3], new Int32()) });
    for (const names of [
      ["a.parquet", "b.parquet"],
      ["b.parquet", "a.parquet"],
    ])
      for (const [name, , value] of types) {
        const { values } = await readColumn(source(names, "nulls"), name);
        expect(values).toEqual(names[0] === "a.parquet" ? [null, null, value] : [value, null, null]);
      }
  });

  it("may differ in order and in whether it holds nulls", async () => {
    await put("a.parquet", { id: of([1], new Int32()), word: of(["a"], new Utf8()) });
    await put("b.parquet", { word: of(["b"], new Utf8()), id: of([null], new Int32()) });
    const input = source(["a.parquet", "b.parquet"]);
    expect((await input.schema()).map(({ name, nullable }) => [name, nullable])).toEqual([
      ["id", true],
      ["word", true],
    ]);
    expect((await readColumn(input, "id")).values).toEqual([1, null]);
  });
});
