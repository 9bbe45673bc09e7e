/** Decodes row groups one at a time, and hands out views of the decoder's memory. */
import { Data, type Field, RecordBatch, Schema, Struct } from "apache-arrow";
import { type Table, wasmMemory } from "parquet-wasm";
import { DataError } from "../../errors.js";
import type { ReadHandle } from "../../stores/store.js";
import type { FormatReader, ReadRequest } from "../format.js";
import { readCArray } from "./c-array.js";
import { readCSchema } from "./c-schema.js";
import type { DecodedColumn } from "./decoded-columns.js";
import { decode, reasonOf } from "./decoder.js";
import { rowGroupExcerpt } from "./excerpt.js";
import type { Footer } from "./footer.js";
import { corrupt } from "./footer-bytes.js";
import { createScratch } from "./scratch.js";
import { decodeBytes } from "./sizes.js";

/** One row group after the other goes through the same bytes: new ones each time would wait for the collector. */
const scratch = createScratch();

export interface ParquetFile {
  readonly handle: ReadHandle;
  readonly footer: Footer;
  /** In file order. */
  readonly columns: readonly DecodedColumn[];
}

export function createReader(file: ParquetFile): FormatReader {
  return {
    read: (request) => readRowGroups(file, request),
    encoded: (request) => encodedRowGroups(file, request),
    close: async () => {},
  };
}

async function* readRowGroups(file: ParquetFile, request: ReadRequest): AsyncGenerator<RecordBatch> {
  for (const group of rowGroups(file, request)) {
    if (group.fields.length === 0) yield* emptyBatches(group.rows, request.batchRows);
    else yield* readRowGroup(group, request);
  }
}

async function* encodedRowGroups(file: ParquetFile, request: ReadRequest): AsyncGenerator<Uint8Array> {
  for (const { index, fields } of rowGroups(file, request)) {
    if (fields.length === 0) continue;
    const buffer = scratch.take();
    try {
      yield (await rowGroupExcerpt(file.handle, file.footer, index, fields, buffer.ofSize)).chunks;
    } finally {
      buffer.giveBack();
    }
  }
}

function* rowGroups(file: ParquetFile, request: ReadRequest): Generator<RowGroupRead> {
  const fields = request.columns.map((column) => fieldOf(file, column));
  for (let index = request.rowGroupStart; index < request.rowGroupEnd; index++) {
    const rows = file.footer.rowGroups[index]?.rows;
    if (rows === undefined) throw corrupt(file.handle.path, `it has no row group ${index}`);
    if (rows > 0) yield { file, index, rows, fields };
  }
}

function fieldOf({ handle, columns }: ParquetFile, name: string): Field {
  const found = columns.find(({ column }) => column.name === name);
  if (found?.field) return found.field;
  const problem = found?.column.type.kind === "other" ? found.column.type.problem : undefined;
  if (problem !== undefined) throw new DataError(problem.code, problem.message, problem);
  throw new DataError("data.missing-column", `${handle.path} has no column "${name}"`, {
    details: { file: handle.path, column: name },
  });
}

/** Rows without columns: what counting needs. */
function* emptyBatches(rows: number, batchRows: number): Generator<RecordBatch> {
  for (let start = 0; start < rows; start += batchRows)
    yield recordBatch([], [], Math.min(batchRows, rows - start));
}

interface RowGroupRead {
  readonly file: ParquetFile;
  readonly index: number;
  readonly rows: number;
  readonly fields: readonly Field[];
}

async function* readRowGroup(group: RowGroupRead, request: ReadRequest): AsyncGenerator<RecordBatch> {
  const table = await decodeRowGroup(group, request);
  try {
    for (let i = 0; i < table.numBatches; i++) {
      const ffi = table.recordBatch(i)?.intoFFI();
      if (ffi === undefined) break;
      try {
        // Memory may have grown since the last batch: its buffer is asked for anew each time.
        const memory = wasmMemory().buffer;
        const shape = readCSchema(memory, ffi.schemaAddr());
        const { children, length } = readCArray(memory, ffi.arrayAddr(), shape);
        yield recordBatch(
          shape.children.map((child) => child.field),
          children,
          length,
        );
      } finally {
        ffi.free();
      }
    }
  } finally {
    table.free();
  }
}

async function decodeRowGroup(group: RowGroupRead, { batchRows, onEncoded }: ReadRequest): Promise<Table> {
  const { handle, footer } = group.file;
  checkSize(group);
  const buffer = scratch.take();
  let table: Table;
  try {
    const excerpt = await rowGroupExcerpt(handle, footer, group.index, group.fields, buffer.ofSize);
    onEncoded?.(excerpt.chunks);
    table = await decodeExcerpt(group, excerpt.bytes, batchRows);
  } finally {
    buffer.giveBack();
  }
  const rows = countRows(table);
  if (rows === group.rows) return table;
  table.free();
  throw decodeError(
    group,
    new Error(`${rows} rows were found, the footer says ${group.rows}`),
    await brokenColumn(group),
  );
}

/** The decoder copies the excerpt into its own memory. */
async function decodeExcerpt(group: RowGroupRead, excerpt: Uint8Array, batchRows: number): Promise<Table> {
  try {
    return decode(excerpt, batchRows);
  } catch (error) {
    throw decodeError(group, error, await brokenColumn(group));
  }
}

function countRows(table: Table): number {
  let rows = 0;
  for (const batch of table.recordBatches()) {
    rows += batch.numRows;
    batch.free();
  }
  return rows;
}

/** The decoder's memory ends at 4 GiB; it breaks off without a reason there. */
const decoderBytes = 3.75 * 1024 ** 3;

function checkSize({ file, index, fields, rows }: RowGroupRead): void {
  const bytes = decodeBytes(file.footer, index, new Set(fields.map((field) => field.name)));
  if (bytes <= decoderBytes) return;
  const gib = (bytes / 1024 ** 3).toFixed(1);
  throw new DataError(
    "data.row-group-too-large",
    `${file.handle.path} cannot be decoded: row group ${index} of ${rows} rows needs about ${gib} GiB at once`,
    {
      hint: "Write the file again with smaller row groups (131,072 rows are a good size), or read fewer columns.",
      details: { file: file.handle.path, rowGroup: index },
    },
  );
}

function decodeError({ file, index }: RowGroupRead, error: unknown, column: string | null): DataError {
  const where = column === null ? `row group ${index}` : `row group ${index}, column "${column}"`;
  const details = { file: file.handle.path, rowGroup: index };
  return new DataError(
    "data.corrupt",
    `${file.handle.path} cannot be decoded: ${where}: ${reasonOf(error)}`,
    {
      hint: "Write the file again, or leave it out of the input.",
      details: column === null ? details : { ...details, column },
      cause: error,
    },
  );
}

/** The decoder does not say which column it choked on: the one that it chokes on alone. */
async function brokenColumn(group: RowGroupRead): Promise<string | null> {
  const { handle, footer } = group.file;
  for (const field of group.fields) {
    const { bytes } = await rowGroupExcerpt(handle, footer, group.index, [field]);
    try {
      const table = decode(bytes, group.rows);
      const rows = countRows(table);
      table.free();
      if (rows !== group.rows) return field.name;
    } catch {
      return field.name;
    }
  }
  return null;
}

function recordBatch(fields: Field[], children: Data[], rows: number): RecordBatch {
  return new RecordBatch(new Schema(fields), new Data(new Struct(fields), 0, rows, 0, undefined, children));
}
