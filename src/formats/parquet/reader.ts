/** Decodes row groups one at a time with parquet-wasm, and hands out views of its memory. */
import { Data, type Field, RecordBatch, Schema, Struct } from "apache-arrow";
import { type RecordBatch as WasmBatch, wasmMemory } from "parquet-wasm";
import { DataError, NightshiftError } from "../../errors.js";
import type { FileSummary, FormatReader, ReadRequest } from "../../format.js";
import { readCArray } from "./c-array.js";
import type { CField } from "./c-schema.js";
import { corrupt } from "./footer.js";
import { decodeError, type OpenFile, readShape } from "./wasm-file.js";

export function createReader(path: string, open: OpenFile, summary: FileSummary): FormatReader {
  return {
    read: (request) => readRowGroups(path, open, summary, request),
    async close() {
      open.file.free();
    },
  };
}

async function* readRowGroups(
  path: string,
  open: OpenFile,
  summary: FileSummary,
  request: ReadRequest,
): AsyncGenerator<RecordBatch> {
  checkColumns(path, summary, request.columns);
  for (let index = request.rowGroupStart; index < request.rowGroupEnd; index++) {
    const rows = summary.rowGroups[index]?.rows;
    if (rows === undefined) throw corrupt(path, `it has no row group ${index}`);
    if (request.columns.length === 0) yield* emptyBatches(rows, request.batchRows);
    else yield* readRowGroup({ path, open, index, rows }, request);
  }
}

function checkColumns(path: string, summary: FileSummary, columns: readonly string[]): void {
  const known = new Set(summary.schema.map((column) => column.name));
  const missing = columns.find((column) => !known.has(column));
  if (missing === undefined) return;
  throw new DataError("data.missing-column", `${path} has no column "${missing}"`, {
    details: { file: path, column: missing },
  });
}

/** Rows without columns: what counting needs. */
function* emptyBatches(rows: number, batchRows: number): Generator<RecordBatch> {
  for (let start = 0; start < rows; start += batchRows)
    yield recordBatch([], [], Math.min(batchRows, rows - start));
}

interface RowGroupRead {
  readonly path: string;
  readonly open: OpenFile;
  readonly index: number;
  readonly rows: number;
}

async function* readRowGroup(group: RowGroupRead, request: ReadRequest): AsyncGenerator<RecordBatch> {
  const { path, open, index } = group;
  let decoded = 0;
  const stream = await decoding(group, () =>
    open.file.stream({ rowGroups: [index], batchSize: request.batchRows, columns: [...request.columns] }),
  );
  const batches: ReadableStreamDefaultReader<WasmBatch> = stream.getReader();
  let shape: CField | null = null;
  try {
    while (true) {
      const { done, value } = await decoding(group, () => batches.read());
      if (done) break;
      decoded += value.numRows;
      const ffi = value.intoFFI();
      try {
        // Memory may have grown since the last batch: its buffer is asked for anew each time.
        const memory = wasmMemory().buffer;
        const known: CField = shape ?? readShape(path, memory, ffi.schemaAddr());
        shape = known;
        yield decodingNow(group, () => readBatch(memory, ffi.arrayAddr(), known, request.columns));
      } finally {
        ffi.free();
      }
    }
  } finally {
    await batches.cancel();
  }
  if (decoded !== group.rows)
    throw decodeError(path, index, new Error(`${decoded} rows were found, the footer says ${group.rows}`));
}

async function decoding<T>(group: RowGroupRead, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw translate(group, error);
  }
}

function decodingNow<T>(group: RowGroupRead, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw translate(group, error);
  }
}

function translate(group: RowGroupRead, error: unknown): NightshiftError {
  if (error instanceof NightshiftError) return error;
  return group.open.storeError() ?? decodeError(group.path, group.index, error);
}

/** A batch is a struct array; its children are the columns, in the order of the file. */
function readBatch(
  memory: ArrayBuffer,
  address: number,
  shape: CField,
  columns: readonly string[],
): RecordBatch {
  const struct = readCArray(memory, address, shape);
  const byName = new Map(shape.children.map((child, i) => [child.field.name, { field: child.field, i }]));
  const fields: Field[] = [];
  const children: Data[] = [];
  for (const column of columns) {
    const found = byName.get(column);
    const child = found && struct.children[found.i];
    if (found === undefined || child === undefined) throw new Error(`column "${column}" was not decoded`);
    fields.push(found.field);
    children.push(child);
  }
  return recordBatch(fields, children, struct.length);
}

function recordBatch(fields: Field[], children: Data[], rows: number): RecordBatch {
  return new RecordBatch(new Schema(fields), new Data(new Struct(fields), 0, rows, 0, undefined, children));
}
