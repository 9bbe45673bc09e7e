import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Int32,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  TimestampMicrosecond,
  tableFromIPC,
  tableToIPC,
  Utf8,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import { describe, expect, it } from "vitest";
import type { Chunk } from "../../src/data/chunk.js";
import { partitionPath } from "../../src/sinks/files/partition-path.js";
import { splitByValues, valueText } from "../../src/sinks/files/split-by-values.js";
import { stagingFileSink } from "../../src/sinks/files/staging-file-sink.js";
import { takeRows } from "../../src/sinks/files/take-rows.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { arrowFileFormat } from "../support/arrow-file-format.js";
import { batchOf, freshDirectory, idsIn, runOf, stagePartition, taskOf } from "../support/file-target.js";

const origin = { file: "/in.parquet", firstRow: 0 };
const chunkOf = (batch: RecordBatch): Chunk => ({ batch, origin });

function openWriter(to: string, batch: RecordBatch, partitionBy: readonly string[] = [], partBytes?: number) {
  const sink = stagingFileSink({ to, partitionBy, format: arrowFileFormat, fileSystem: localFileSystem() });
  return sink.openWriter(taskOf(runOf("r1"), 3, partBytes), "attempt", batch.schema);
}

describe("the staging writer", () => {
  it("returns files that exist, with their rows, bytes and digests", async () => {
    const to = join(freshDirectory(), "out");
    const batch = batchOf({ ids: [1, 2, 3] });
    const writer = await openWriter(to, batch);
    await writer.write(chunkOf(batch));
    await writer.write(chunkOf(batch));
    const staged = await writer.stage();
    expect(staged).toMatchObject({ rows: 6, quarantined: 0 });
    const [file] = staged.files;
    const bytes = readFileSync(join(to, "../.out.nightshift/staging", file?.path ?? ""));
    expect(file).toEqual({
      path: "r1/attempt/part-00003-00.arrow.staged",
      partitionValues: [],
      rows: 6,
      bytes: bytes.byteLength,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    });
    expect(existsSync(to)).toBe(false);
  });

  it("closes a part once it is full, in the middle of a chunk where it must, and keeps the order", async () => {
    const to = join(freshDirectory(), "out");
    const ids = Array.from({ length: 1000 }, (_, id) => id);
    const batch = batchOf({ ids });
    const writer = await openWriter(to, batch, [], 2048);
    await writer.write(chunkOf(batch));
    const { files } = await writer.stage();
    expect(files.length).toBeGreaterThan(4);
    const staging = join(to, "../.out.nightshift/staging");
    expect(files.flatMap((file) => idsIn(join(staging, file.path)))).toEqual(ids);
    expect(files.map((file) => idsIn(join(staging, file.path)).length)).toEqual(
      files.map((file) => file.rows),
    );
  });

  it("writes one file for each value of the partition columns, without those columns", async () => {
    const to = join(freshDirectory(), "out");
    const batch = batchOf({ ids: [1, 2, 3, 4], dt: ["a", "b", "a", "c/d"] });
    const writer = await openWriter(to, batch, ["dt"]);
    await writer.write(chunkOf(batch));
    await writer.write(chunkOf(batchOf({ ids: [5], dt: ["b"] })));
    const { files } = await writer.stage();
    const staging = join(to, "../.out.nightshift/staging");
    const found = files.map((file) => [file.partitionValues, idsIn(join(staging, file.path))]);
    expect(found.sort()).toEqual([
      [["a"], [1, 3]],
      [["b"], [2, 5]],
      [["c/d"], [4]],
    ]);
    const table = tableFromIPC(readFileSync(join(staging, files[0]?.path ?? "")));
    expect(table.schema.fields.map((field) => field.name)).toEqual(["id", "score"]);
  });

  it("holds no more parts open than it may, and loses none", async () => {
    const to = join(freshDirectory(), "out");
    const values = Array.from({ length: 300 }, (_, at) => `v${at % 150}`);
    const batch = batchOf({ ids: values.map((_, at) => at), dt: values });
    const writer = await openWriter(to, batch, ["dt"]);
    await writer.write(chunkOf(batch));
    await writer.write(chunkOf(batch));
    const staged = await writer.stage();
    expect(staged.rows).toBe(600);
    expect(new Set(staged.files.map((file) => file.partitionValues[0])).size).toBe(150);
    expect(new Set(staged.files.map((file) => file.path)).size).toBe(staged.files.length);
  });

  it("keeps quarantined rows with where they came from and why", async () => {
    const to = join(freshDirectory(), "out");
    const batch = batchOf({ ids: [1] });
    const writer = await openWriter(to, batch);
    const [key] = new Table({ reason: vectorFromArray(["k1", "k2"], new Utf8()) }).batches;
    await writer.quarantine({
      key: key ?? null,
      file: "/in.parquet",
      rowNumbers: [4, 2 ** 40],
      reasons: ["null_value", "predict_failed"],
      messages: ["a", "b"],
    });
    const staged = await writer.stage();
    expect(staged).toMatchObject({ rows: 0, quarantined: 2 });
    const path = join(to, "../.out.nightshift/staging", staged.quarantine[0]?.path ?? "");
    const rows = tableFromIPC(readFileSync(path))
      .toArray()
      .map((row) => row.toJSON());
    expect(rows[1]).toEqual({
      key_reason: "k2",
      file: "/in.parquet",
      row_number: BigInt(2 ** 40),
      reason: "predict_failed",
      message: "b",
    });
  });

  it("takes everything back", async () => {
    const to = join(freshDirectory(), "out");
    const batch = batchOf({ ids: [1] });
    const writer = await openWriter(to, batch);
    await writer.write(chunkOf(batch));
    await writer.discard();
    await writer.discard();
    expect(readdirSync(join(to, "../.out.nightshift/staging/r1"))).toEqual([]);
  });

  it("an attempt that comes late harms nothing that another one staged", async () => {
    const to = join(freshDirectory(), "out");
    const run = runOf("r1");
    const first = await stagePartition({ to }, run, 0, { ids: [1, 2] }, "first");
    const staged = first.files.map((file) => join(to, "../.out.nightshift/staging", file.path));
    const late = await stagePartition({ to }, run, 0, { ids: [1, 2] }, "late");
    expect(late.files.map((file) => file.path)).not.toEqual(first.files.map((file) => file.path));
    const discarded = await openWriter(to, batchOf({ ids: [1] }));
    await discarded.discard();
    expect(staged.flatMap(idsIn)).toEqual([1, 2]);
  });

  it("refuses a partition column that is no output column", async () => {
    const batch = batchOf({ ids: [1] });
    const opening = openWriter(join(freshDirectory(), "out"), batch, ["dt"]);
    await expect(opening).rejects.toMatchObject({ code: "spec.partition-column-missing" });
  });

  it.each<[string, (written: Uint8Array) => Uint8Array]>([
    ["something else", () => new Uint8Array(10)],
    ["one bit flipped", (written) => written.with(40, (written[40] ?? 0) ^ 1)],
  ])("notices that the disk returns %s", async (_, damaged) => {
    const real = localFileSystem();
    const lying = {
      ...real,
      readFile: async (path: string) => damaged((await real.readFile(path)) ?? new Uint8Array()),
    };
    const to = join(freshDirectory(), "out");
    const batch = batchOf({ ids: [1] });
    const sink = stagingFileSink({ to, partitionBy: [], format: arrowFileFormat, fileSystem: lying });
    const writer = await sink.openWriter(taskOf(runOf("r1"), 0), "attempt", batch.schema);
    await writer.write(chunkOf(batch));
    await expect(writer.stage()).rejects.toMatchObject({ code: "infra.io" });
  });
});

function columns(): RecordBatch {
  const list = new List(new Field("item", new Utf8(), true));
  const vector = new FixedSizeList(2, new Field("item", new Float32(), false));
  const struct = new Struct([new Field("a", new Int32(), true), new Field("b", new Utf8(), true)]);
  const given: { [name: string]: Vector } = {
    int: vectorFromArray([1, null, 3, 4, 5], new Int32()),
    text: vectorFromArray(["a", "bcd", null, "", "é"], new Utf8()),
    bool: vectorFromArray([true, false, null, true, true], new Bool()),
    word: vectorFromArray(["x", "y", "x", null, "z"], new Dictionary(new Utf8(), new Int32())),
    list: vectorFromArray([["p"], [], null, ["q", null, "r"], ["s"]], list as DataType) as Vector,
    vector: vectorFromArray(
      [
        [1, 2],
        [3, 4],
        [5, 6],
        [7, 8],
        [9, 10],
      ],
      vector as DataType,
    ) as Vector,
    struct: vectorFromArray(
      [{ a: 1, b: "x" }, { a: null, b: "y" }, null, { a: 4, b: null }, { a: 5, b: "z" }],
      struct as DataType,
    ) as Vector,
    money: new Vector([
      makeData({
        type: new Decimal(10, 38, 128),
        length: 5,
        nullCount: 0,
        data: Uint32Array.from({ length: 20 }, (_, at) => at),
      }),
    ]),
    when: new Vector([
      makeData({
        type: new TimestampMicrosecond(),
        length: 5,
        nullCount: 0,
        data: BigInt64Array.of(1n, 2n, 3n, 4n, 5n),
      }),
    ]),
  };
  const fields = Object.entries(given).map(([name, column]) => new Field(name, column.type, true));
  const children = Object.values(given).flatMap((column) => column.data);
  return new RecordBatch(
    new Schema(fields),
    makeData({ type: new Struct(fields), length: 5, nullCount: 0, children }),
  );
}

const rowsOf = (batch: RecordBatch) =>
  new Table(batch)
    .toArray()
    .map((row) =>
      JSON.stringify(row.toJSON(), (_, value) => (typeof value === "bigint" ? `${value}n` : value)),
    );

describe("taking rows", () => {
  it.each([
    ["out of a whole batch", 0, 5, [4, 0, 2, 2]],
    ["out of a slice", 1, 5, [3, 0, 2]],
    ["none", 0, 5, []],
  ])("keeps every value and null of every type: %s", (_, start, end, picks) => {
    const batch = columns().slice(start, end);
    const all = rowsOf(batch);
    expect(rowsOf(takeRows(batch, Uint32Array.from(picks)))).toEqual(picks.map((row) => all[row]));
  });

  it("survives being written and read again", () => {
    const taken = takeRows(columns(), Uint32Array.of(3, 1));
    const [again] = tableFromIPC(tableToIPC(new Table(taken), "file")).batches;
    const all = rowsOf(columns());
    expect(again && rowsOf(again)).toEqual([all[3], all[1]]);
  });
});

describe("partition values", () => {
  const text = (vector: Vector) => Array.from({ length: vector.length }, (_, row) => valueText(vector, row));
  const timestamps = (...ticks: readonly bigint[]) =>
    new Vector([
      makeData({
        type: new TimestampMicrosecond(),
        length: ticks.length,
        nullCount: 0,
        data: BigInt64Array.from(ticks),
      }),
    ]);

  it("are written as people write them", () => {
    expect(text(vectorFromArray([1, null, -3], new Int32()))).toEqual([
      "1",
      "__HIVE_DEFAULT_PARTITION__",
      "-3",
    ]);
    expect(text(vectorFromArray([new Date("2026-01-15"), new Date("1969-12-31")], new DateDay()))).toEqual([
      "2026-01-15",
      "1969-12-31",
    ]);
    expect(text(timestamps(1_768_435_200_000_000n, 1_768_435_200_500_000n, -1n))).toEqual([
      "2026-01-15 00:00:00",
      "2026-01-15 00:00:00.5",
      "1969-12-31 23:59:59.999999",
    ]);
    expect(text(vectorFromArray(["x", "y"], new Dictionary(new Utf8(), new Int32())))).toEqual(["x", "y"]);
    expect(() =>
      text(vectorFromArray([[1]], new List(new Field("item", new Int32(), true)) as DataType) as Vector),
    ).toThrow("cannot name a directory");
  });

  it("become directories that readers decode again", () => {
    expect(partitionPath(["dt", "a b"], ["2026-01-15 08:00", "x/y=z%"])).toBe(
      "dt=2026-01-15 08%3A00/a b=x%2Fy%3Dz%25",
    );
    expect(partitionPath(["name"], ["Zoë\n"])).toBe("name=Zoë%0A");
    expect(partitionPath(["name"], [""])).toBe("name=__HIVE_DEFAULT_PARTITION__");
    expect(() => partitionPath(["name"], ["x".repeat(300)])).toThrow("too long");
  });

  it("split a batch only where they vary", () => {
    const constant = batchOf({ ids: [1, 2, 3], dt: ["d"] });
    const [whole, ...others] = splitByValues(constant, ["dt"]);
    expect(others).toEqual([]);
    expect(whole?.batch.data.children[0]?.values).toBe(constant.data.children[0]?.values);
    expect(
      splitByValues(batchOf({ ids: [1, 2, 3], dt: ["d", "e", "d"] }), ["dt"]).map(
        (part) => part.batch.numRows,
      ),
    ).toEqual([2, 1]);
  });
});
