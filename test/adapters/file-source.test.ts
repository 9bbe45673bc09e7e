import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { Float32, Int32, Utf8, type Vector, vectorFromArray } from "apache-arrow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Chunk } from "../../src/data/chunk.js";
import { type PathTypes, typeName } from "../../src/data/column.js";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import { fileSource } from "../../src/sources/files/file-source.js";
import type { FilesPartition } from "../../src/sources/files/files-input.js";
import type { PlanRequest, Source } from "../../src/sources/source.js";
import { localStore } from "../../src/stores/local/local-store.js";
import { failure } from "../support/failure.js";
import { type Columns, plainRows, type Row, writeParquet } from "../support/parquet-rows.js";

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-source-")));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const range = (length: number, from = 0): readonly number[] => Array.from({ length }, (_, i) => from + i);
const ints = (values: readonly number[]): Vector => vectorFromArray(values, new Int32());
const rows = (length: number, from = 0): Columns => ({
  id: ints(range(length, from)),
  x: vectorFromArray(
    range(length, from).map((i) => i / 2),
    new Float32(),
  ),
  word: vectorFromArray(
    range(length, from).map((i) => `w${i}`),
    new Utf8(),
  ),
});

async function put(path: string, columns: Columns, rowGroupRows = 100): Promise<string> {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, await writeParquet(columns, { rowGroupRows }));
  return full;
}

function source(...from: readonly string[]): Source<FilesPartition> {
  return fileSource({
    from: from.map((path) => join(root, path)),
    store: localStore(),
    format: parquetFormat(),
  });
}

async function plan(
  from: Source<FilesPartition>,
  request: Partial<PlanRequest> = {},
): Promise<readonly FilesPartition[]> {
  const partitions: FilesPartition[] = [];
  const full = { columns: ["id", "x"], partitionRows: "auto", minPartitions: 1, ...request } as const;
  for await (const partition of from.plan(full, new AbortController().signal)) partitions.push(partition);
  return partitions;
}

interface ReadChunk {
  readonly rows: readonly Row[];
  readonly origin: Chunk["origin"];
}

async function read(
  from: Source<FilesPartition>,
  partition: FilesPartition,
  columns: readonly string[],
  chunkRows = 64,
): Promise<readonly ReadChunk[]> {
  const chunks: ReadChunk[] = [];
  for await (const { batch, origin } of from.read(
    partition,
    { columns, chunkRows },
    new AbortController().signal,
  ))
    chunks.push({ rows: plainRows(batch), origin });
  return chunks;
}

async function only(from: Source<FilesPartition>): Promise<FilesPartition> {
  const [partition, ...more] = await plan(from);
  if (partition === undefined || more.length > 0) throw new Error("expected one partition");
  return partition;
}

/** As a thread does: a source that planned nothing, and a partition that was JSON. */
function inAnotherThread(partition: FilesPartition): FilesPartition {
  return JSON.parse(JSON.stringify(partition));
}

describe("a source of files", () => {
  it("plans and reads every row once, in order of paths and rows", async () => {
    await put("d/b.parquet", rows(250, 250));
    await put("d/a.parquet", rows(250));
    const input = source("d");
    expect((await input.schema()).map(({ name, type }) => `${name} ${typeName(type)}`)).toEqual([
      "id int32",
      "x float32",
      "word string",
    ]);
    const partitions = await plan(input, { partitionRows: 200 });
    expect(partitions.map((partition) => partition.rows)).toEqual([200, 150, 150]);
    const chunks = (
      await Promise.all(
        partitions.map((partition) => read(source(), inAnotherThread(partition), ["word", "id"])),
      )
    ).flat();
    expect(chunks.flatMap((chunk) => chunk.rows)).toEqual(range(500).map((i) => ({ word: `w${i}`, id: i })));
    expect(
      chunks
        .slice(0, 6)
        .map(({ rows: own, origin }) => [relative(root, origin.file), origin.firstRow, own.length]),
    ).toEqual([
      ["d/a.parquet", 0, 64],
      ["d/a.parquet", 64, 36],
      ["d/a.parquet", 100, 64],
      ["d/a.parquet", 164, 36],
      ["d/a.parquet", 200, 50],
      ["d/b.parquet", 0, 64],
    ]);
  });

  it("pins what it planned", async () => {
    const path = await put("a.parquet", rows(10));
    const partition = await only(source("a.parquet"));
    expect(partition.slices).toEqual([
      {
        file: {
          path,
          size: expect.any(Number),
          inode: expect.any(String),
          mtimeNs: expect.any(String),
          ctimeNs: expect.any(String),
          footerSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
          rows: 10,
          pathValues: {},
        },
        rowGroupStart: 0,
        rowGroupEnd: 1,
        firstRow: 0,
        rows: 10,
      },
    ]);
    expect(partition.bytes).toBeGreaterThanOrEqual(80);
    expect(partition.peakBytes).toBeGreaterThan(partition.bytes);
  });

  it("reads a file once that is named twice, or linked", async () => {
    await put("a.parquet", rows(10));
    symlinkSync(join(root, "a.parquet"), join(root, "b.parquet"));
    expect(
      (await plan(source("*.parquet", "a.parquet", "b.parquet"))).map((partition) => partition.rows),
    ).toEqual([10]);
  });

  it("counts rows without reading columns, and takes files without rows", async () => {
    await put("d/a.parquet", rows(130));
    await put("d/b.parquet", rows(0));
    const partition = await only(source("d"));
    const chunks = await read(source("d"), partition, []);
    expect(chunks.map((chunk) => chunk.rows)).toEqual(
      [64, 36, 30].map((length) => range(length).map(() => ({}))),
    );
    await put("e/b.parquet", rows(0));
    expect(await plan(source("e"))).toEqual([]);
    expect(await source("e").schema()).toHaveLength(3);
  });

  it("reports the bytes that it read, which are those of the columns", async () => {
    await put("a.parquet", rows(10_000), 10_000);
    const input = source("a.parquet");
    const partition = await only(input);
    const count = async (columns: readonly string[]): Promise<number> => {
      let bytes = 0;
      const request = {
        columns,
        chunkRows: 1000,
        onBytes: (more: number) => {
          bytes += more;
        },
      };
      for await (const chunk of input.read(partition, request, new AbortController().signal))
        expect(chunk.batch.numRows).toBe(1000);
      return bytes;
    };
    const [one, all] = [await count(["id"]), await count(["id", "x", "word"])];
    expect(one).toBeGreaterThan(0);
    expect(all).toBeGreaterThan(one + 10_000);
  });

  it("stops between chunks and closes its file", async () => {
    await put("a.parquet", rows(300));
    const input = source("a.parquet");
    const partition = await only(input);
    const before = readdirSync("/proc/self/fd").length;
    const controller = new AbortController();
    const seen: number[] = [];
    const error = await failure(
      (async () => {
        for await (const chunk of input.read(
          partition,
          { columns: ["id"], chunkRows: 100 },
          controller.signal,
        )) {
          seen.push(chunk.batch.numRows);
          controller.abort();
        }
      })(),
    );
    expect(error.kind).toBe("cancelled");
    expect(seen).toEqual([100]);
    for await (const chunk of input.read(
      partition,
      { columns: ["id"], chunkRows: 100 },
      new AbortController().signal,
    )) {
      expect(chunk.batch.numRows).toBe(100);
      break;
    }
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });
});

describe("columns of paths", () => {
  const declaring = (pathTypes: PathTypes, ...from: readonly string[]): Source<FilesPartition> =>
    fileSource({
      from: from.map((path) => join(root, path)),
      store: localStore(),
      format: parquetFormat(),
      pathTypes,
    });
  const values = async (input: Source<FilesPartition>, asked: PathTypes, ...columns: readonly string[]) => {
    const [partition, ...more] = await plan(input, { pathTypes: asked });
    if (partition === undefined || more.length > 0) throw new Error("expected one partition");
    return (await read(source(), inAnotherThread(partition), columns)).flatMap((chunk) => chunk.rows);
  };

  it("are text, or what the job declares, or what a feature asks for", async () => {
    await put("t/year=2025/dt=01/f.parquet", rows(3));
    await put("t/year=2026/dt=02/f.parquet", rows(3, 3));
    const expected = (dt: (id: number) => unknown, year: (id: number) => unknown) =>
      range(6).map((id) => ({ dt: dt(id), id, year: year(id) }));
    const day = (id: number) => (id < 3 ? 1 : 2);
    expect((await source("t").schema()).slice(3)).toEqual([
      { name: "year", type: { kind: "utf8" }, nullable: true, fromPath: true },
      { name: "dt", type: { kind: "utf8" }, nullable: true, fromPath: true },
    ]);
    const text = expected(
      (id) => `0${day(id)}`,
      (id) => `202${day(id) + 4}`,
    );
    expect(await values(source("t"), {}, "dt", "id", "year")).toEqual(text);
    const numbers = expected(
      (id) => BigInt(day(id)),
      (id) => BigInt(day(id)) + 2024n,
    );
    expect(await values(source("t"), { dt: "int64", year: "int64" }, "dt", "id", "year")).toEqual(numbers);
    const declared = declaring({ year: "float64", dt: "string" }, "t");
    expect((await declared.schema()).slice(3)).toEqual([
      { name: "year", type: { kind: "float", bits: 64 }, nullable: true },
      { name: "dt", type: { kind: "utf8" }, nullable: true },
    ]);
    expect(await values(declared, { dt: "int64" }, "dt", "id", "year")).toEqual(
      expected(
        (id) => `0${day(id)}`,
        (id) => day(id) + 2024,
      ),
    );
  });

  it("are null where Hive wrote its default partition, in each type", async () => {
    await put("t/i=__HIVE_DEFAULT_PARTITION__/d=2026-02-28/b=true/f.parquet", rows(1));
    await put("t/i=9007199254740993/d=__HIVE_DEFAULT_PARTITION__/b=False/f.parquet", rows(1));
    const types = { i: "int64", d: "date", b: "bool" } as const;
    expect(await values(source("t"), types, "i", "d", "b")).toEqual([
      { i: 9007199254740993n, d: null, b: false },
      { i: null, d: Date.UTC(2026, 1, 28), b: true },
    ]);
  });

  it.each([
    ["int64", "1.5"],
    ["int64", "9223372036854775808"],
    ["float64", "1e"],
    ["date", "2026-02-30"],
    ["bool", "yes"],
  ] as const)("are refused where a value is no %s: %s", async (type, value) => {
    const file = await put(`t/k=${value}/f.parquet`, rows(1));
    expect(await failure(plan(source("t"), { pathTypes: { k: type } }))).toMatchObject({
      kind: "data",
      code: "source.path-value",
      details: { file, column: "k", type },
    });
  });

  it("must be there for every file, and be there where the job declares them", async () => {
    await put("u/k=1/f.parquet", rows(1));
    await put("u/f.parquet", rows(1));
    const error = await failure(source("u").schema());
    expect(error).toMatchObject({ kind: "data", code: "source.path-columns", details: { column: "k" } });
    expect(error.message).toContain("u/k=1/f.parquet");
    expect(await failure(declaring({ month: "int64" }, "u/k=*").schema())).toMatchObject({
      kind: "spec",
      code: "source.path-columns",
      details: { column: "month" },
    });
  });

  it("may be in the file as well, where all values agree: by its statistics, or by reading it", async () => {
    const own = (id: number, word: string): Columns => ({
      id: ints([id, id]),
      word: vectorFromArray([word, word], new Utf8()),
      x: vectorFromArray([1, 2], new Float32()),
    });
    await put("t/id=7/word=a/f.parquet", own(7, "a"));
    await put("t/id=08/word=b%20c/f.parquet", own(8, "b c"));
    const input = source("t");
    expect((await input.schema()).map(({ name, type }) => `${name} ${typeName(type)}`)).toEqual([
      "id int32",
      "word string",
      "x float32",
    ]);
    expect(await values(input, {}, "word", "id")).toEqual([
      { word: "b c", id: 8 },
      { word: "b c", id: 8 },
      { word: "a", id: 7 },
      { word: "a", id: 7 },
    ]);
    await put("s/id=7/f.parquet", own(7, "a"));
    await put("s/id=8/f.parquet", { x: ints([1]) });
    expect(await failure(source("s").schema())).toMatchObject({
      code: "source.path-columns",
      details: { column: "id" },
    });
    for (const [path, columns, column] of [
      ["n/id=8/f.parquet", own(7, "a"), "id"],
      ["n/word=A/f.parquet", own(7, "a"), "word"],
      ["n/id=x/f.parquet", own(7, "a"), "id"],
      ["n/id=0/f.parquet", rows(2), "id"],
      ["n/id=__HIVE_DEFAULT_PARTITION__/f.parquet", rows(2), "id"],
    ] as const) {
      const file = await put(path, columns);
      expect(await failure(source("n").schema())).toMatchObject({
        kind: "data",
        code: "source.column-clash",
        details: { column, file },
      });
      rmSync(join(root, "n"), { recursive: true });
    }
  });

  it("are read as plans of version 0.1 keep them", async () => {
    await put("t/k=7/w=x/f.parquet", rows(1));
    const [partition] = await plan(source("t"));
    const slices = partition?.slices.map((slice) => {
      const file = { ...slice.file, pathValues: { k: 7, w: "x", none: null } };
      return { ...slice, file };
    });
    if (partition === undefined || slices === undefined) throw new Error("expected a partition");
    const chunks = await read(source(), { ...partition, slices }, ["k", "w", "none"]);
    expect(chunks.flatMap((chunk) => chunk.rows)).toEqual([{ k: 7n, w: "x", none: null }]);
  });

  it("may be called like what every object has", async () => {
    await put("t/constructor=1/f.parquet", { toString: ints([5]) });
    const input = source("t");
    const [partition] = await plan(input, {
      pathTypes: Object.fromEntries([["constructor", "int64" as const]]),
    });
    if (partition === undefined) throw new Error("expected a partition");
    const request = { columns: ["constructor", "toString"], chunkRows: 10 };
    for await (const { batch } of input.read(partition, request, new AbortController().signal))
      expect(batch.data.children.map((column) => Number(column.values[0]))).toEqual([1, 5]);
    expect((await input.schema()).map((column) => column.name)).toEqual(["toString", "constructor"]);
  });
});

describe("a file that changed since it was planned", () => {
  const changes: readonly (readonly [string, (path: string) => void, RegExp])[] = [
    ["vanished", (path) => rmSync(path), /it was removed/],
    ["grew", (path) => appendFileSync(path, "x"), /had \d+ bytes and now has \d+/],
    ["was touched", (path) => utimesSync(path, 1, 1), /it was written to/],
    [
      "was replaced",
      (path) => {
        cpSync(path, `${path}.new`, { preserveTimestamps: true });
        renameSync(`${path}.new`, path);
      },
      /another file is in its place/,
    ],
  ];
  it.each(changes)("%s", async (_, change, message) => {
    const path = await put("a.parquet", rows(10));
    const input = source("a.parquet");
    const partition = await only(input);
    change(path);
    const error = await failure(read(input, partition, ["id"]));
    expect(error).toMatchObject({ kind: "data", code: "source.changed", details: { file: path } });
    expect(error.message).toMatch(message);
  });

  it("has another footer though its identity is the same", async () => {
    await put("a.parquet", rows(10));
    const input = source("a.parquet");
    const partition = inAnotherThread(await only(input));
    const slices = partition.slices.map((slice) => ({
      ...slice,
      file: { ...slice.file, footerSha256: "0".repeat(64) },
    }));
    expect(await failure(read(input, { ...partition, slices }, ["id"]))).toMatchObject({
      code: "source.changed",
      message: expect.stringContaining("footer"),
    });
  });

  it("changed in the middle", async () => {
    const path = await put("a.parquet", rows(300));
    const input = source("a.parquet");
    const partition = await only(input);
    const error = await failure(
      (async () => {
        for await (const chunk of input.read(
          partition,
          { columns: ["id"], chunkRows: 100 },
          new AbortController().signal,
        ))
          if (chunk.origin.firstRow === 200) utimesSync(path, 1, 1);
      })(),
    );
    expect(error).toMatchObject({ code: "source.changed" });
  });
});
