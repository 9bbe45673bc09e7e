/** Slices that were read, against their file as it is now. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Int32, vectorFromArray } from "apache-arrow";
import { parquetMetadata } from "hyparquet";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import type { FileSlice, ProvenFile, ReadSlice } from "../../src/job/partition.js";
import { fileSource } from "../../src/sources/files/file-source.js";
import type { FilesPartition } from "../../src/sources/files/files-input.js";
import type { Source } from "../../src/sources/source.js";
import { localStore } from "../../src/stores/local/local-store.js";
import { writeParquet } from "../support/parquet-rows.js";

const columns = ["id", "month"];
const request = { columns, chunkRows: 64 };
const signal = new AbortController().signal;
const changed = { code: "source.changed", details: { file: expect.stringMatching(/a\.parquet$/) } };
let root: string;
let path: string;
let partition: FilesPartition;

beforeEach(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-prove-")));
  path = join(root, "month=7");
  mkdirSync(path);
  path = join(path, "a.parquet");
  const values = vectorFromArray(
    Array.from({ length: 200 }, (_, row) => row),
    new Int32(),
  );
  writeFileSync(path, await writeParquet({ id: values, unread: values }, { rowGroupRows: 100 }));
  setTime();
  const slices: FileSlice[] = [];
  const asked = { columns, partitionRows: 100, minPartitions: 1 };
  for await (const planned of source().plan(asked, signal)) slices.push(...planned.slices);
  expect(slices).toHaveLength(2);
  partition = { index: 0, rows: 200, bytes: 0, peakBytes: 0, slices };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A new one each time, as in another process. */
function source(): Source<FilesPartition> {
  return fileSource({ from: [root], store: localStore(), format: parquetFormat() });
}

/** Whole seconds can be put back exactly. */
function setTime(): void {
  utimesSync(path, 1_790_000_000, 1_790_000_000);
}

async function readAll(): Promise<readonly ReadSlice[]> {
  const reads: ReadSlice[] = [];
  const asked = { ...request, onSlice: (slice: ReadSlice) => void reads.push(slice) };
  for await (const { batch } of source().read(partition, asked, signal))
    expect(batch.schema.names).toEqual(columns);
  return reads;
}

async function prove(reads: readonly ReadSlice[]): Promise<readonly ProvenFile[] | undefined> {
  const slices = partition.slices.map((slice, index) => ({ slice, digest: reads[index]?.digest ?? null }));
  return source().prove?.(slices, request, signal);
}

/** Changes one byte of a column in the file itself; size and mtime stay. */
function damage(rowGroup: number, column: number): void {
  const bytes = readFileSync(path);
  const metadata = parquetMetadata(new Uint8Array(bytes).buffer);
  const at = Number(metadata.row_groups[rowGroup]?.columns[column]?.meta_data?.data_page_offset) + 40;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  setTime();
}

it("a file that nothing happened to is not read again", async () => {
  const reads = await readAll();
  expect(reads).toEqual([
    { digest: expect.stringMatching(/^crc32:[0-9a-f]{8}$/) },
    { digest: expect.stringMatching(/^crc32:[0-9a-f]{8}$/) },
  ]);
  expect(reads[0]?.digest).not.toBe(reads[1]?.digest);
  const [file] = partition.slices;
  expect(await prove([])).toEqual(Array(2).fill({ path, ctimeNs: file?.file.ctimeNs }));
});

it("a file of another mode or owner has the bytes that were read, before and after", async () => {
  const before = await readAll();
  chmodSync(path, 0o600);
  const after = await readAll();
  expect(after).toEqual(before.map(({ digest }) => ({ digest, moved: true })));
  expect(await prove(before)).toEqual(Array(2).fill({ path, ctimeNs: expect.stringMatching(/^\d+$/) }));
});

it.each([0, 1])("one byte of a column that was read, in row group %i, is another file", async (rowGroup) => {
  const reads = await readAll();
  damage(rowGroup, 0);
  await expect(prove(reads)).rejects.toMatchObject(changed);
});

it("a byte of a column that is not read changes nothing", async () => {
  const reads = await readAll();
  damage(0, 1);
  expect(await prove(reads)).toHaveLength(2);
});

it("a slice without a digest is believed only while nothing happened to its file", async () => {
  const [slice] = partition.slices;
  if (slice === undefined) throw new Error("two slices were planned");
  const old = [{ slice, digest: null }];
  expect(await source().prove?.(old, request, signal)).toHaveLength(1);
  chmodSync(path, 0o600);
  await expect(source().prove?.(old, request, signal)).rejects.toMatchObject(changed);
});
