import { Float32, Int32, Timestamp, TimeUnit, Utf8, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { DataError, InfraError } from "../../src/errors.js";
import { readFooter } from "../../src/formats/parquet/footer.js";
import { footerBytes, mapFields } from "../../src/formats/parquet/footer-edit.js";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import type { ThriftStruct } from "../../src/formats/parquet/thrift.js";
import { decodeThrift } from "../../src/formats/parquet/thrift-decode.js";
import { failure } from "../support/failure.js";
import { memoryFile } from "../support/memory-files.js";
import { readRows, writeParquet } from "../support/parquet-rows.js";

const format = parquetFormat();
const range = (length: number): readonly number[] => Array.from({ length }, (_, i) => i);

const columns = {
  id: vectorFromArray(range(500), new Int32()),
  word: vectorFromArray(
    range(500).map((i) => `word ${i * 7919}`),
    new Utf8(),
  ),
};

function footerOf(bytes: Uint8Array): { readonly start: number; readonly root: ThriftStruct } {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.byteLength - 8, true);
  const start = bytes.byteLength - 8 - length;
  return { start, root: decodeThrift(bytes.subarray(start, start + length)) };
}

function withFooter(bytes: Uint8Array, change: (root: ThriftStruct) => ThriftStruct): Uint8Array {
  const { start, root } = footerOf(bytes);
  return new Uint8Array(Buffer.concat([bytes.subarray(0, start), footerBytes(change(root))]));
}

/** Changes each column chunk's description. */
function withColumns(bytes: Uint8Array, change: (column: ThriftStruct) => ThriftStruct): Uint8Array {
  return withFooter(bytes, (root) =>
    mapFields(root, 4, (group) => mapFields(group, 1, (chunk) => mapFields(chunk, 3, change))),
  );
}

describe("a file that is not what it should be ends in one error that names it", () => {
  const cases: readonly (readonly [string, (good: Uint8Array) => Uint8Array, RegExp])[] = [
    ["nothing at all", () => new Uint8Array(0), /is empty/],
    ["text", () => new Uint8Array(Buffer.from("id,word\n1,one\n")), /not a Parquet file/],
    ["only the magic", () => new Uint8Array(Buffer.from("PAR1")), /does not end as one/],
    ["an end that is missing", (good) => good.slice(0, -300), /does not end as one/],
    [
      "bytes after its end",
      (good) => new Uint8Array(Buffer.concat([good, Buffer.from("more")])),
      /does not end as one/,
    ],
    [
      "a footer longer than the file",
      (good) => patched(good, good.byteLength - 8, [0xff, 0xff, 0xff, 0x7f]),
      /claims 2147483647 bytes/,
    ],
    [
      "a footer that is cut",
      (good) => patched(good, good.byteLength - 8, [40, 0, 0, 0]),
      /its footer is broken/,
    ],
    [
      "pages outside the file",
      (good) =>
        withColumns(good, (column) => ({
          fields: column.fields.map((field) => (field.id === 7 ? { ...field, value: 1e12 } : field)),
        })),
      /outside the file's data/,
    ],
    [
      "row counts that disagree",
      (good) =>
        withFooter(good, (root) => ({
          fields: root.fields.map((field) => (field.id === 3 ? { ...field, value: 7 } : field)),
        })),
      /claims 7 rows, its row groups 500/,
    ],
  ];
  it.each(cases)("%s", async (_, damage, message) => {
    const file = memoryFile(damage(await writeParquet(columns)), "/data/bad.parquet");
    const error = await failure(format.inspect(file));
    expect(error).toBeInstanceOf(DataError);
    expect(error.code).toBe("data.corrupt");
    expect(error.message).toMatch(message);
    expect(error.message).toContain("/data/bad.parquet");
    expect(error.details).toMatchObject({ file: "/data/bad.parquet" });
  });

  it("an encrypted footer", async () => {
    const good = await writeParquet(columns);
    const error = await failure(
      format.inspect(memoryFile(patched(good, good.byteLength - 4, [...Buffer.from("PARE")]))),
    );
    expect(error).toMatchObject({ code: "data.unsupported", kind: "data" });
  });

  it("pages whose compression is broken, with the row group", async () => {
    const good = await writeParquet(columns, { rowGroupRows: 250, compression: "zstd" });
    const first = (await readFooter(memoryFile(good))).rowGroups[1]?.describe().chunks[0];
    const bad = patched(
      good,
      (first?.start ?? 0) + 60,
      range(40).map((i) => i * 5 + 3),
    );
    const error = await failure(readRows(bad));
    expect(error).toMatchObject({ code: "data.corrupt", details: { rowGroup: 1, column: "id" } });
    expect(error.message).toMatch(/cannot be decoded: row group 1, column "id": /);
  });
});

describe("footers that are odd and harmless are read", () => {
  it("an optional field of another type than in the standard", async () => {
    const odd = withColumns(await writeParquet(columns), (column) => ({
      fields: [
        ...column.fields.filter((field) => field.id < 15),
        { id: 15, type: 9, value: { elementType: 12, items: [{ fields: [{ id: 1, type: 5, value: 3 }] }] } },
      ],
    }));
    expect((await readRows(odd)).length).toBe(500);
  });

  it("a dictionary page at offset 0, which is none", async () => {
    const noDictionary = { x: vectorFromArray(range(500), new Float32()) };
    const odd = withColumns(await writeParquet(noDictionary), (column) => ({
      fields: [...column.fields, { id: 11, type: 6, value: 0 }].sort((a, b) => a.id - b.id),
    }));
    expect((await readRows(odd)).map((row) => row.x)).toEqual(range(500));
  });
});

it("a damaged footer never does more than fail: 3,000 damaged ones", async () => {
  const good = await writeParquet(
    {
      ...columns,
      at: vectorFromArray(
        range(500).map(() => 0),
        new Timestamp(TimeUnit.MILLISECOND, "UTC"),
      ),
    },
    { rowGroupRows: 100 },
  );
  const { start } = footerOf(good);
  const random = randoms(20260117);
  let refused = 0;
  for (let i = 0; i < 3000; i++) {
    const bad = good.slice();
    for (let flips = random(6); flips >= 0; flips--)
      bad[start + random(good.byteLength - 8 - start)] = random(256);
    const outcome = await readFooter(memoryFile(bad)).catch((error) => error);
    if (!(outcome instanceof Error)) continue;
    expect(outcome).toBeInstanceOf(DataError);
    refused++;
  }
  expect(refused).toBeGreaterThan(500);
});

it("damaged pages are decoded to their rows or end in a DataError: 400 damaged ones", async () => {
  const good = await writeParquet(columns, { rowGroupRows: 250 });
  const { start } = footerOf(good);
  const random = randoms(7);
  const counts = { refused: 0, decoded: 0 };
  for (let i = 0; i < 400; i++) {
    const bad = good.slice();
    for (let flips = random(4); flips >= 0; flips--) bad[4 + random(start - 4)] = random(256);
    const outcome: unknown = await readRows(bad, 100).catch((error) => error);
    if (Array.isArray(outcome)) {
      expect(outcome).toHaveLength(500);
      counts.decoded++;
    } else {
      expect(outcome).toBeInstanceOf(DataError);
      counts.refused++;
    }
  }
  expect(counts.refused).toBeGreaterThan(100);
  expect(await readRows(good)).toHaveLength(500);
});

it("an error of the store comes through as it was", async () => {
  const good = memoryFile(await writeParquet(columns));
  const summary = await format.inspect(good);
  const broken = new InfraError("infra.io", "the disk is on fire");
  const readSync = (): never => {
    throw broken;
  };
  const failing = { ...good, readSync, read: async () => readSync() };
  const reader = await format.openReader(failing, summary);
  const batches = reader.read({ rowGroupStart: 0, rowGroupEnd: 1, columns: ["id"], batchRows: 100 });
  expect(await failure(batches[Symbol.asyncIterator]().next())).toBe(broken);
  expect(await failure(format.inspect(failing))).toBe(broken);
});

function patched(bytes: Uint8Array, at: number, values: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

/** Integers below a bound, the same ones each time. */
function randoms(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
