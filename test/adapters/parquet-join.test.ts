import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Field,
  FixedSizeList,
  Float32,
  Int64,
  List,
  Timestamp,
  TimeUnit,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { afterAll, describe, expect, it } from "vitest";
import { readFooter } from "../../src/formats/parquet/footer.js";
import { readFooterBytes } from "../../src/formats/parquet/footer-bytes.js";
import { footerBytes, mapFields } from "../../src/formats/parquet/footer-edit.js";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import { decodeThrift } from "../../src/formats/parquet/thrift-decode.js";
import { localStore } from "../../src/stores/local/local-store.js";
import type { ReadHandle } from "../../src/stores/store.js";
import { memoryFile } from "../support/memory-files.js";
import {
  type Columns,
  hyparquetFooter,
  inspect,
  readRows,
  readWithHyparquet,
  writeParquet,
} from "../support/parquet-rows.js";

const format = parquetFormat();
const scratch = mkdtempSync(join(tmpdir(), "nightshift-join-"));
afterAll(() => rmSync(scratch, { recursive: true }));
const range = (length: number): readonly number[] => Array.from({ length }, (_, i) => i);

function part(from: number, rows: number): Columns {
  const ids = range(rows).map((i) => from + i);
  return {
    id: vectorFromArray(ids.map(BigInt), new Int64()),
    at: vectorFromArray(
      ids.map((i) => i * 1001),
      new Timestamp(TimeUnit.MILLISECOND, "Asia/Tokyo"),
    ),
    text: vectorFromArray(
      ids.map((i) => (i % 3 === 0 ? null : `text ${i} ${"é".repeat(40)}`)),
      new Utf8(),
    ),
    scores: vectorFromArray(
      ids.map((i) => [i / 2, i]),
      new FixedSizeList(2, new Field("element", new Float32(), true)),
    ),
    tags: vectorFromArray(
      ids.map((i) => range(i % 3).map(String)),
      new List(new Field("element", new Utf8(), true)),
    ),
  };
}

async function joined(
  parts: readonly ReadHandle[],
): Promise<{ readonly bytes: Uint8Array; readonly rows: number }> {
  const pieces: Uint8Array[] = [];
  const rows = await format.join(parts, async (bytes) => {
    pieces.push(bytes.slice());
  });
  return { bytes: new Uint8Array(Buffer.concat(pieces)), rows };
}

describe("joined files", () => {
  it("hold the rows of their parts in order, for every reader", async () => {
    const files = [
      await writeParquet(part(0, 100), { rowGroupRows: 40 }),
      await writeParquet(part(100, 0)),
      await writeParquet(part(100, 7)),
      await writeParquet(part(107, 93), { rowGroupRows: 50 }),
    ];
    const { bytes, rows } = await joined(files.map((file) => memoryFile(file)));
    expect(rows).toBe(200);
    const expected = (await Promise.all(files.map((file) => readRows(file)))).flat();
    expect(expected.map((row) => row.id)).toEqual(range(200).map(BigInt));
    expect(await readRows(bytes)).toEqual(expected);
    expect(await readWithHyparquet(bytes)).toEqual((await Promise.all(files.map(readWithHyparquet))).flat());
  });

  it("keep types, statistics and Arrow's own schema, and drop page indexes", async () => {
    const one = await writeParquet(part(0, 100));
    const two = await writeParquet(part(100, 100));
    const { bytes } = await joined([memoryFile(one), memoryFile(two)]);
    expect((await inspect(bytes)).schema).toEqual((await inspect(one)).schema);
    expect((await inspect(bytes)).rowGroups).toEqual([
      ...(await inspect(one)).rowGroups,
      ...(await inspect(two)).rowGroups,
    ]);
    const footer = hyparquetFooter(bytes);
    expect(footer.schema).toEqual(hyparquetFooter(one).schema);
    expect(footer.key_value_metadata).toEqual(hyparquetFooter(one).key_value_metadata);
    const chunks = footer.row_groups.flatMap((group) => group.columns);
    expect(chunks.map((chunk) => chunk.column_index_offset ?? chunk.offset_index_offset ?? null)).toEqual(
      chunks.map(() => null),
    );
    expect(hyparquetFooter(one).row_groups[0]?.columns[0]?.offset_index_offset).toBeDefined();
    expect(footer.row_groups.map((group) => group.columns[0]?.meta_data?.statistics)).toEqual(
      [one, two].map((file) => hyparquetFooter(file).row_groups[0]?.columns[0]?.meta_data?.statistics),
    );
  });

  it("must have one schema", async () => {
    const other = await writeParquet({ id: vectorFromArray([1n], new Int64()) });
    const error = await joined([
      memoryFile(await writeParquet(part(0, 5)), "/a.parquet"),
      memoryFile(other, "/b.parquet"),
    ]).catch((thrown) => thrown);
    expect(error).toMatchObject({
      kind: "data",
      code: "data.join-schema",
      details: { file: "/b.parquet", other: "/a.parquet" },
    });
  });

  it("may be larger than 2 GiB, and are copied piece by piece", async () => {
    const gap = 2_300_000_000;
    const far = await farPart(await writeParquet(part(100, 50)), gap);
    const zeros = Buffer.alloc(8 * 1024 * 1024);
    const path = join(scratch, "large.parquet");
    const descriptor = openSync(path, "w");
    let position = 0;
    let largest = 0;
    const rows = await format.join(
      [memoryFile(await writeParquet(part(0, 100))), far, memoryFile(await writeParquet(part(150, 50)))],
      async (bytes) => {
        largest = Math.max(largest, bytes.byteLength);
        if (!zeros.subarray(0, bytes.byteLength).equals(bytes))
          writeSync(descriptor, bytes, 0, bytes.byteLength, position);
        position += bytes.byteLength;
      },
    );
    ftruncateSync(descriptor, position);
    closeSync(descriptor);
    expect(rows).toBe(200);
    expect(position).toBeGreaterThan(gap);
    expect(largest).toBeLessThanOrEqual(8 * 1024 * 1024);
    const file = await localStore().open(path);
    const summary = await format.inspect(file);
    const reader = await format.openReader(file, summary);
    const ids: bigint[] = [];
    for await (const batch of reader.read({
      rowGroupStart: 0,
      rowGroupEnd: 3,
      columns: ["id"],
      batchRows: 64,
    }))
      ids.push(...(batch.data.children[0]?.values ?? []));
    await file.close();
    expect(ids).toEqual(range(200).map(BigInt));
  });
});

/** The same file with `gap` zeros between its magic and its data, without holding them. */
async function farPart(bytes: Uint8Array, gap: number): Promise<ReadHandle> {
  const file = memoryFile(bytes);
  const { start } = await readFooter(file);
  const root = decodeThrift(await readFooterBytes(file));
  const moved = mapFields(root, 4, (group) =>
    mapFields(group, 1, (chunk) =>
      mapFields(chunk, 3, (column) => ({
        fields: column.fields.map((field) =>
          [9, 11].includes(field.id) ? { ...field, value: Number(field.value) + gap } : field,
        ),
      })),
    ),
  );
  const tail = Buffer.concat([bytes.subarray(4, start), footerBytes(moved)]);
  const size = 4 + gap + tail.byteLength;
  const readSync = (from: number, to: number): Uint8Array => {
    const piece = new Uint8Array(to - from);
    const at = Math.max(from, 4 + gap);
    if (to > at) piece.set(tail.subarray(at - 4 - gap, to - 4 - gap), at - from);
    return piece;
  };
  return {
    path: "/far.parquet",
    size,
    bytesRead: 0,
    readSync,
    read: async (from, to) => readSync(from, to),
    close: async () => {},
  };
}
