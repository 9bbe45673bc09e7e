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
  Struct,
  Table,
  Timestamp,
  TimeUnit,
  tableToIPC,
  Utf8,
  Utf8View,
  vectorFromArray,
} from "apache-arrow";
import * as wasm from "parquet-wasm";
import { describe, expect, it } from "vitest";
import { typeName } from "../../src/column.js";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import { memoryFile } from "../support/memory-files.js";
import {
  type Columns,
  inspect,
  plainRows,
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

  it("into views that stay good while a writer encodes and while the consumer waits", async () => {
    const file = memoryFile(foreignFile({ x: vectorFromArray(range(50_000), new Float32()) }));
    const reader = await format.openReader(file, await format.inspect(file));
    for await (const batch of reader.read({
      rowGroupStart: 0,
      rowGroupEnd: 1,
      columns: ["x"],
      batchRows: 10_000,
    })) {
      const before = plainRows(batch).length;
      await writeParquet({
        noise: vectorFromArray(
          range(300_000).map((i) => Math.sin(i)),
          new Float32(),
        ),
      });
      await new Promise((resolve) => setTimeout(resolve, 5));
      const values: Float32Array = batch.data.children[0]?.values;
      expect(values.length).toBe(before);
      expect((values[1] ?? 0) - (values[0] ?? 0)).toBe(1);
    }
  });
});

describe("a footer tells", () => {
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
