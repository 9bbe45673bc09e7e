/** Short ways to make Parquet files, and to read them: with ours, and with another library to compare by. */
import { RecordBatch, Table, tableFromIPC, tableToIPC, type Vector } from "apache-arrow";
import { type FileMetaData, parquetMetadata, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { FileSummary } from "../../src/formats/format.js";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import { defaultWriterProfile, type WriterProfile } from "../../src/job/profile.js";
import { memoryFile } from "./memory-files.js";

export type Columns = { readonly [name: string]: Vector };

export function batchesOf(columns: Columns): readonly RecordBatch[] {
  return new Table({ ...columns }).batches;
}

export async function writeParquet(
  columns: Columns,
  profile: Partial<WriterProfile> = {},
): Promise<Uint8Array> {
  const table = new Table({ ...columns });
  const writer = await parquetFormat().createWriter(table.schema, { ...defaultWriterProfile, ...profile });
  for (const batch of table.batches) writer.write(batch);
  return writer.finish();
}

export async function inspect(bytes: Uint8Array): Promise<FileSummary> {
  return parquetFormat().inspect(memoryFile(bytes));
}

export type Row = { readonly [column: string]: unknown };

/** All batches of a file, copied: the reader's own are views that the next one overwrites. */
export async function readColumns(
  bytes: Uint8Array,
  columns: readonly string[],
  batchRows = 7,
): Promise<readonly RecordBatch[]> {
  const format = parquetFormat();
  const file = memoryFile(bytes);
  const summary = await format.inspect(file);
  const reader = await format.openReader(file, summary);
  const batches: RecordBatch[] = [];
  const request = { rowGroupStart: 0, rowGroupEnd: summary.rowGroups.length, columns, batchRows };
  for await (const batch of reader.read(request)) {
    const [copy] = tableFromIPC(tableToIPC(new Table([batch]), "stream")).batches;
    if (copy !== undefined) batches.push(copy);
  }
  await reader.close();
  return batches;
}

/** Every row of a file as plain values, through our reader. */
export async function readRows(bytes: Uint8Array, batchRows = 7): Promise<readonly Row[]> {
  const columns = (await inspect(bytes)).schema.map((column) => column.name);
  return (await readColumns(bytes, columns, batchRows)).flatMap(plainRows);
}

export function plainRows(batch: RecordBatch): Row[] {
  return batch.toArray().map((row) => plain(row) as Row);
}

/** The same file as hyparquet reads it. */
export async function readWithHyparquet(bytes: Uint8Array): Promise<readonly Row[]> {
  const file = new Uint8Array(bytes).buffer;
  const rows = await parquetReadObjects({ file, compressors, utf8: false });
  return rows.map((row) => plain(row) as Row);
}

export function hyparquetFooter(bytes: Uint8Array): FileMetaData {
  return parquetMetadata(new Uint8Array(bytes).buffer);
}

/** Arrow's and hyparquet's values in one shape: arrays, objects, strings, numbers, bigints, instants in ms. */
export function plain(value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return value.getTime();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  if (typeof value !== "object") return value;
  if ("toJSON" in value && typeof value.toJSON === "function" && !Array.isArray(value))
    return plain(value.toJSON());
  if (Symbol.iterator in value) return Array.from(value as Iterable<unknown>, plain);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

export function sliceOf(batch: RecordBatch, start: number, end: number): RecordBatch {
  return new RecordBatch(batch.schema, batch.data.slice(start, end - start));
}
