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
import type { Chunk } from "../../src/chunk.js";
import { typeName } from "../../src/column.js";
import { NightshiftError } from "../../src/errors.js";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import type { Partition } from "../../src/partition.js";
import type { PlanRequest, Source } from "../../src/source.js";
import { fileSource } from "../../src/sources/files/file-source.js";
import { localStore } from "../../src/stores/local/local-store.js";
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

function source(...from: readonly string[]): Source {
  return fileSource({
    from: from.map((path) => join(root, path)),
    store: localStore(),
    format: parquetFormat(),
  });
}

async function plan(from: Source, request: Partial<PlanRequest> = {}): Promise<readonly Partition[]> {
  const partitions: Partition[] = [];
  const full = { columns: ["id", "x"], partitionRows: "auto", minPartitions: 1, ...request } as const;
  for await (const partition of from.plan(full, new AbortController().signal)) partitions.push(partition);
  return partitions;
}

interface ReadChunk {
  readonly rows: readonly Row[];
  readonly origin: Chunk["origin"];
}

async function read(
  from: Source,
  partition: Partition,
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

async function failure(step: Promise<unknown>): Promise<NightshiftError> {
  const error = await step.then(
    () => null,
    (thrown) => thrown,
  );
  if (!(error instanceof NightshiftError)) throw new Error(`expected one of our errors, got ${error}`);
  return error;
}

async function only(from: Source): Promise<Partition> {
  const [partition, ...more] = await plan(from);
  if (partition === undefined || more.length > 0) throw new Error("expected one partition");
  return partition;
}

/** As a thread does: a source that planned nothing, and a partition that was JSON. */
function inAnotherThread(partition: Partition): Partition {
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
  it("are columns: int64 where every value is a plain integer, else strings", async () => {
    await put("t/year=2025/dt=01/f.parquet", rows(3));
    await put("t/year=2026/dt=02/f.parquet", rows(3, 3));
    const input = source("t");
    expect((await input.schema()).slice(3)).toEqual([
      { name: "year", type: { kind: "int", bits: 64, signed: true }, nullable: false },
      { name: "dt", type: { kind: "utf8" }, nullable: false },
    ]);
    const chunks = await read(source(), inAnotherThread(await only(input)), ["dt", "id", "year"]);
    expect(chunks.flatMap((chunk) => chunk.rows)).toEqual(
      range(6).map((id) => ({ dt: id < 3 ? "01" : "02", id, year: id < 3 ? 2025n : 2026n })),
    );
    expect((await read(input, await only(input), ["year"])).flatMap((chunk) => chunk.rows)).toHaveLength(6);
  });

  it("are null where Hive wrote its default partition", async () => {
    await put("t/k=7/f.parquet", rows(1));
    await put("t/k=__HIVE_DEFAULT_PARTITION__/f.parquet", rows(1));
    const input = source("t");
    expect((await input.schema())[3]).toEqual({ name: "k", type: { kind: "utf8" }, nullable: true });
    expect((await read(input, await only(input), ["k"])).flatMap((chunk) => chunk.rows)).toEqual([
      { k: "7" },
      { k: null },
    ]);
  });

  it("must not be in the file too, and must be there for every file", async () => {
    await put("t/id=7/f.parquet", rows(1));
    expect(await failure(source("t").schema())).toMatchObject({
      kind: "data",
      code: "source.column-clash",
      details: { column: "id" },
    });
    await put("u/k=1/f.parquet", rows(1));
    await put("u/f.parquet", rows(1));
    const error = await failure(source("u").schema());
    expect(error).toMatchObject({ kind: "data", code: "source.path-columns", details: { column: "k" } });
    expect(error.message).toContain("u/k=1/f.parquet");
  });

  it("may be called like what every object has", async () => {
    await put("t/constructor=1/f.parquet", { toString: ints([5]) });
    const input = source("t");
    const partition = await only(input);
    const request = { columns: ["constructor", "toString"], chunkRows: 10 };
    for await (const { batch } of input.read(partition, request, new AbortController().signal))
      expect(batch.data.children.map((column) => Number(column.values[0]))).toEqual([1, 5]);
    expect((await input.schema()).map((column) => column.name)).toEqual(["toString", "constructor"]);
  });
});

describe("a file that changed since it was planned", () => {
  const changes: readonly (readonly [string, (path: string) => void, RegExp])[] = [
    ["vanished", (path) => rmSync(path), /it has gone/],
    ["grew", (path) => appendFileSync(path, "x"), /had \d+ bytes and has \d+/],
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
