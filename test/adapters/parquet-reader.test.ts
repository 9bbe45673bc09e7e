import {
  Bool,
  Decimal,
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Int8,
  Int32,
  Int64,
  LargeUtf8,
  List,
  makeData,
  makeVector,
  Null,
  Struct,
  Table,
  Timestamp,
  TimeUnit,
  tableToIPC,
  Utf8,
  Utf8View,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import * as wasm from "parquet-wasm";
import { describe, expect, it } from "vitest";
import { columnOf } from "../../src/data/arrow-types.js";
import { typeName } from "../../src/data/column.js";
import { readCArray } from "../../src/formats/parquet/c-array.js";
import { readCSchema } from "../../src/formats/parquet/c-schema.js";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import { memoryFile } from "../support/memory-files.js";
import {
  batchesOf,
  type Columns,
  inspect,
  plain,
  plainRows,
  readColumns,
  readRows,
  readWithHyparquet,
  writeParquet,
} from "../support/parquet-rows.js";

const format = parquetFormat();
const range = (length: number): readonly number[] => Array.from({ length }, (_, i) => i);

/** As another program would have written it: parquet-wasm's own defaults. */
function foreignFile(columns: Columns, rowGroupRows = 1_000_000): Uint8Array {
  const table = wasm.Table.fromIPCStream(tableToIPC(new Table({ ...columns }), "stream"));
  return wasm.writeParquet(
    table,
    new wasm.WriterPropertiesBuilder().setMaxRowGroupSize(rowGroupRows).build(),
  );
}

const nested = {
  id: vectorFromArray(range(100).map(BigInt), new Int64()),
  flag: vectorFromArray(
    range(100).map((i) => (i % 7 === 0 ? null : i % 3 === 0)),
    new Bool(),
  ),
  name: vectorFromArray(
    range(100).map((i) => (i % 5 === 0 ? null : `näme ${i}`)),
    new Utf8(),
  ),
  scores: vectorFromArray(
    range(100).map((i) => (i % 4 === 0 ? null : range(i % 3).map((j) => i + j / 2))),
    new List(new Field("element", new Float32(), true)),
  ),
  place: vectorFromArray(
    range(100).map((i) => ({ x: i, label: i % 2 === 0 ? null : `p${i}` })),
    new Struct([new Field("x", new Int32(), true), new Field("label", new Utf8(), true)]),
  ),
};

describe("a Parquet file is decoded", () => {
  it("to the values that another reader finds, nested and null ones too", async () => {
    const bytes = foreignFile(nested, 30);
    expect(await readRows(bytes)).toEqual(await readWithHyparquet(bytes));
  });

  it("in batches of the rows asked for, which end with their row group", async () => {
    const bytes = foreignFile(nested, 30);
    const file = memoryFile(bytes);
    const reader = await format.openReader(file, await format.inspect(file));
    const sizes: number[] = [];
    for await (const batch of reader.read({
      rowGroupStart: 1,
      rowGroupEnd: 4,
      columns: ["id"],
      batchRows: 20,
    }))
      sizes.push(batch.numRows);
    expect(sizes).toEqual([20, 10, 20, 10, 10]);
  });

  it("with the columns asked for, in that order, and only their bytes", async () => {
    const bytes = foreignFile({
      ...nested,
      noise: vectorFromArray(
        range(100).map((i) => Math.sin(i)),
        new Float32(),
      ),
    });
    const file = memoryFile(bytes);
    const summary = await format.inspect(file);
    const before = file.bytesRead;
    const reader = await format.openReader(file, summary);
    for await (const batch of reader.read({
      rowGroupStart: 0,
      rowGroupEnd: 1,
      columns: ["name", "id"],
      batchRows: 100,
    })) {
      expect(batch.schema.fields.map((field) => field.name)).toEqual(["name", "id"]);
      expect(batch.get(6)?.toJSON()).toEqual({ name: "näme 6", id: 6n });
    }
    expect(file.bytesRead - before).toBeLessThan(bytes.byteLength / 2 + 4096);
  });

  it("to rows without columns where none are asked for", async () => {
    const file = memoryFile(foreignFile(nested, 30));
    const reader = await format.openReader(file, await format.inspect(file));
    const sizes: number[] = [];
    for await (const batch of reader.read({ rowGroupStart: 0, rowGroupEnd: 4, columns: [], batchRows: 25 })) {
      expect(batch.schema.fields).toEqual([]);
      sizes.push(batch.numRows);
    }
    expect(sizes).toEqual([25, 5, 25, 5, 25, 5, 10]);
  });

  it("with 64-bit offsets, string views and any dictionary indices as their plain siblings", async () => {
    const words = range(50).map((i) =>
      i % 9 === 0 ? null : `${"long enough to leave the view ".repeat(i % 3)}${i}`,
    );
    const columns = {
      large: vectorFromArray(words, new LargeUtf8()),
      view: vectorFromArray(words, new Utf8View()),
      category: vectorFromArray(
        range(50).map((i) => (i === 3 ? null : `c${i % 4}`)),
        new Dictionary(new Utf8(), new Int8()),
      ),
    };
    const bytes = foreignFile(columns);
    expect((await inspect(bytes)).schema.map(({ name, type }) => `${name} ${typeName(type)}`)).toEqual([
      "large string",
      "view string",
      "category dictionary<string>",
    ]);
    expect(await readRows(bytes, 16)).toEqual(
      range(50).map((i) => ({ large: words[i], view: words[i], category: i === 3 ? null : `c${i % 4}` })),
    );
  });

  it("with a column of the type null as nulls, all of them counted", async () => {
    const nothing = vectorFromArray([null, null, null], new Null());
    const file = memoryFile(foreignFile({ nothing }));
    const reader = await format.openReader(file, await format.inspect(file));
    for await (const batch of reader.read({
      rowGroupStart: 0,
      rowGroupEnd: 1,
      columns: ["nothing"],
      batchRows: 8,
    }))
      expect(batch.data.children[0]).toMatchObject({ length: 3, nullCount: 3 });
  });

  it("with decimals whole and timestamps in their zone", async () => {
    const decimals = makeVector(
      makeData({
        type: new Decimal(2, 20, 128),
        length: 3,
        nullCount: 0,
        data: Uint32Array.from([150, 0, 0, 0, 7, 1, 0, 0, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff]),
      }),
    );
    const times = makeVector(
      makeData({
        type: new Timestamp(TimeUnit.MICROSECOND, "Europe/Berlin"),
        length: 3,
        nullCount: 0,
        data: BigInt64Array.from([0n, 1n, -5n]),
      }),
    );
    const bytes = foreignFile({ amount: decimals, at: times });
    const file = memoryFile(bytes);
    const summary = await format.inspect(file);
    expect(summary.schema.map(({ type }) => typeName(type))).toEqual([
      "decimal(20, 2)",
      "timestamp[us, Europe/Berlin]",
    ]);
    const reader = await format.openReader(file, summary);
    for await (const batch of reader.read({
      rowGroupStart: 0,
      rowGroupEnd: 1,
      columns: ["amount", "at"],
      batchRows: 10,
    })) {
      expect([...(batch.data.children[0]?.values ?? [])]).toEqual([...(decimals.data[0]?.values ?? [])]);
      expect([...(batch.data.children[1]?.values ?? [])]).toEqual([0n, 1n, -5n]);
    }
  });

  it("giving its memory back when the consumer stops early", async () => {
    const big = {
      x: vectorFromArray(range(60_000), new Float32()),
      v: vectorFromArray(
        range(60_000).map((i) => [i, i]),
        new FixedSizeList(2, new Field("element", new Float32(), true)),
      ),
    };
    const file = memoryFile(foreignFile(big));
    const summary = await format.inspect(file);
    const readOne = async (): Promise<void> => {
      const reader = await format.openReader(file, summary);
      for await (const batch of reader.read({
        rowGroupStart: 0,
        rowGroupEnd: 1,
        columns: ["x", "v"],
        batchRows: 20_000,
      })) {
        expect(batch.numRows).toBe(20_000);
        break;
      }
      await reader.close();
    };
    for (let i = 0; i < 3; i++) await readOne();
    const settled = wasm.wasmMemory().buffer.byteLength;
    for (let i = 0; i < 60; i++) await readOne();
    expect(wasm.wasmMemory().buffer.byteLength).toBeLessThanOrEqual(settled + 1024 * 1024);
  });

  it("into views that stay good while a writer needs more memory and the consumer waits", async () => {
    const file = memoryFile(foreignFile({ x: vectorFromArray(range(50_000), new Float32()) }));
    const reader = await format.openReader(file, await format.inspect(file));
    for await (const batch of reader.read({
      rowGroupStart: 0,
      rowGroupEnd: 1,
      columns: ["x"],
      batchRows: 25_000,
    })) {
      const values: Float32Array = batch.data.children[0]?.values;
      const first = values[0] ?? Number.NaN;
      // More than the decoder's memory has room for: were it shared, it would grow, and the view be detached.
      const zeros = new Float64Array(wasm.wasmMemory().buffer.byteLength / 8);
      await writeParquet({ zeros: vectorFromArray(zeros) }, { rowGroupRows: 10_000_000 });
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(values.length).toBe(25_000);
      expect([values[0], values[24_999]]).toEqual([first, first + 24_999]);
    }
  });
});

describe("Arrow's C data interface", () => {
  it("is read from any offset", () => {
    const sliceable = {
      ...nested,
      category: vectorFromArray(
        range(100).map((i) => `c${i % 4}`),
        new Dictionary(new Utf8(), new Int32()),
      ),
    };
    const table = wasm.Table.fromIPCStream(tableToIPC(new Table({ ...sliceable }), "stream"));
    const slice = table.recordBatch(0)?.slice(13, 40).intoFFI();
    if (slice === undefined) throw new Error("no batch");
    const memory = wasm.wasmMemory().buffer;
    const shape = readCSchema(memory, slice.schemaAddr());
    const data = readCArray(memory, slice.arrayAddr(), shape);
    expect(new Vector([data]).toArray().map(plain)).toEqual(
      batchesOf(sliceable).flatMap(plainRows).slice(13, 53),
    );
    slice.free();
  });
});

it("batches have the types that the footer was said to have", async () => {
  const columns = {
    ...nested,
    category: vectorFromArray(["a", null, "b"], new Dictionary(new Utf8(), new Int8())),
    large: vectorFromArray(["a", null, "b"], new LargeUtf8()),
    at: vectorFromArray([1, null, 3], new Timestamp(TimeUnit.MICROSECOND, "Europe/Berlin")),
    vector: vectorFromArray(
      [[1, 2], null, [3, 4]],
      new FixedSizeList(2, new Field("element", new Float32(), true)),
    ),
  };
  for (const [name, vector] of Object.entries(columns)) {
    const bytes = foreignFile({ [name]: vector });
    const { schema } = await inspect(bytes);
    for (const batch of await readColumns(bytes, [name]))
      expect(batch.schema.fields.map(columnOf)).toEqual(schema);
  }
});

/** int96_from_spark.parquet of apache/parquet-testing, Apache-2.0. */
const int96FromSpark = `
UEFSMRUEFXgVdBXImJLbCjwVChUEAAA8RAAqHtljQwAAl4olAACguDBGAw0MiOApktIJAAAs/lEAAGCWYE5LAAADjCUAAGC5x27i
//+oq7D5FQAVFhUaFbrc8d4OHBUMFQQVBhUIAAALKAIAAAADLwMDiEYAGRwWogEVSBYAAAAVAhksSAxzcGFya19zY2hlbWEVAgAV
BiUCGAFhABYMGRwZHCaiARwVBhk1BAgGGRgBYRUCFgwW4gEW4gEmogEmCBw2AgAZLBUEFQQVAgAVABUEFQIAABbqARUWABbiARYM
JggW4gEUAAAZLBgYb3JnLmFwYWNoZS5zcGFyay52ZXJzaW9uGAUzLjQuMwAYKW9yZy5hcGFjaGUuc3Bhcmsuc3FsLnBhcnF1ZXQu
cm93Lm1ldGFkYXRhGFp7InR5cGUiOiJzdHJ1Y3QiLCJmaWVsZHMiOlt7Im5hbWUiOiJhIiwidHlwZSI6InRpbWVzdGFtcCIsIm51
bGxhYmxlIjp0cnVlLCJtZXRhZGF0YSI6e319XX0AGEpwYXJxdWV0LW1yIHZlcnNpb24gMS4xMy4xIChidWlsZCBkYjQxODMxMDlk
NWI3MzRlYzU5MzBkODcwY2RhZTE2MWU0MDhkZGJhKRkcHAAAAGcBAABQQVIx`;

it("INT96 timestamps keep the dates that nanoseconds have no room for", async () => {
  const [batch] = await readColumns(new Uint8Array(Buffer.from(int96FromSpark, "base64")), ["a"]);
  const day = 86_400_000_000n;
  const values = [...(batch?.data.children[0]?.values ?? [])];
  expect(values.slice(0, 4)).toEqual([
    1704141296123456n,
    19_723n * day + 3_600_000_000n,
    253402225200000000n,
    1735599600000000n,
  ]);
  expect(batch?.getChildAt(0)?.get(4)).toBeNull();
  expect(typeName(columnOf(batch?.schema.fields[0] ?? new Field("a", new Int32())).type)).toBe(
    "timestamp[us]",
  );
});

describe("a footer says", () => {
  it("rows, nulls, bounds and sizes of every row group", async () => {
    const summary = await inspect(
      foreignFile(
        {
          ...nested,
          f: vectorFromArray(
            range(100).map((i) => i / 4),
            new Float32(),
          ),
        },
        60,
      ),
    );
    expect(summary.rows).toBe(100);
    expect(summary.rowGroups.map((group) => group.rows)).toEqual([60, 40]);
    const { id, flag, name, f, scores } = summary.rowGroups[1]?.columns ?? {};
    expect(id).toMatchObject({ nulls: 0, min: "60", max: "99" });
    expect(flag).toMatchObject({ nulls: 6, min: "false", max: "true" });
    expect(name).toMatchObject({ nulls: 8, min: "näme 61", max: "näme 99" });
    expect(f).toMatchObject({ min: "15", max: "24.75" });
    expect(scores).toMatchObject({ min: null, max: null });
    expect(id?.decodedBytes).toBe(8 * 40 + 5);
    expect(name?.decodedBytes).toBeGreaterThanOrEqual(32 * 8);
    expect(id?.heldBytes).toBeGreaterThan(id?.decodedBytes ?? 0);
  });

  it("how large dictionary-encoded strings become", async () => {
    const text = "a".repeat(200);
    const columns = {
      s: vectorFromArray(
        range(10_000).map((i) => text + (i % 3)),
        new Utf8(),
      ),
    };
    const column = (await inspect(foreignFile(columns))).rowGroups[0]?.columns.s;
    expect(column?.bytes).toBeLessThan(20_000);
    expect(column?.decodedBytes).toBeGreaterThan(10_000 * 200 * 0.3);
  });

  it("a digest that changes with any of its bytes", async () => {
    const [one, same, other] = await Promise.all(
      [foreignFile(nested), foreignFile(nested), foreignFile(nested, 50)].map(inspect),
    );
    expect(one?.footerSha256).toBe(same?.footerSha256);
    expect(one?.footerSha256).not.toBe(other?.footerSha256);
    expect(one?.footerSha256).toMatch(/^[0-9a-f]{64}$/);
  });
});
