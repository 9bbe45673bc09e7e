/** Adds columns from paths as constants to the columns of their file. */
import {
  Schema as ArrowSchema,
  BufferType,
  Data,
  type DataType,
  Field,
  RecordBatch,
  Struct,
} from "apache-arrow";
import { arrowType } from "../../data/arrow-types.js";
import { pathTypes as columnTypes, type PathType } from "../../data/column.js";
import type { PinnedFile } from "../../job/partition.js";
import { impliedType, type PathValue } from "./path-values.js";

/** Returns the same rows with the path's columns at their positions among `columns`. */
export function withPathColumns(
  batch: RecordBatch,
  columns: readonly string[],
  { pathValues, pathTypes = {} }: Pick<PinnedFile, "pathValues" | "pathTypes">,
): RecordBatch {
  if (!columns.some((column) => Object.hasOwn(pathValues, column))) return batch;
  const fields: Field[] = [];
  const children: Data[] = [];
  let fromFile = 0;
  for (const column of columns) {
    const value = Object.hasOwn(pathValues, column) ? pathValues[column] : undefined;
    if (value !== undefined) {
      const type = Object.hasOwn(pathTypes, column) ? pathTypes[column] : undefined;
      const data = constant(value, type ?? impliedType(value), batch.numRows);
      fields.push(new Field(column, data.type, value === null));
      children.push(data);
      continue;
    }
    const field = batch.schema.fields[fromFile];
    const child = batch.data.children[fromFile++];
    if (field !== undefined) fields.push(field);
    if (child !== undefined) children.push(child);
  }
  const data = new Data(new Struct(fields), 0, batch.numRows, 0, undefined, children);
  return new RecordBatch(new ArrowSchema(fields), data);
}

function constant(value: PathValue, type: PathType, rows: number): Data<DataType> {
  const buffers = filled(value, type, rows);
  if (value !== null) return new Data(arrowType(columnTypes[type]), 0, rows, 0, buffers);
  const validity = new Uint8Array(Math.ceil(rows / 8));
  return new Data(arrowType(columnTypes[type]), 0, rows, rows, {
    ...buffers,
    [BufferType.VALIDITY]: validity,
  });
}

type Buffers = Partial<{ [BufferType.OFFSET]: Int32Array; [BufferType.DATA]: ArrayBufferView }>;

const dayMs = 86_400_000;

function filled(value: PathValue, type: PathType, rows: number): Buffers {
  switch (type) {
    case "int64":
      return { [BufferType.DATA]: new BigInt64Array(rows).fill(BigInt(value ?? 0)) };
    case "float64":
      return { [BufferType.DATA]: new Float64Array(rows).fill(Number(value)) };
    case "date":
      return {
        [BufferType.DATA]: new Int32Array(rows).fill(value === null ? 0 : Date.parse(String(value)) / dayMs),
      };
    case "bool":
      return { [BufferType.DATA]: new Uint8Array(Math.ceil(rows / 8)).fill(value === true ? 0xff : 0) };
    case "string":
      return texts(value === null ? "" : String(value), rows);
  }
}

function texts(value: string, rows: number): Buffers {
  const text = Buffer.from(value);
  const offsets = Int32Array.from({ length: rows + 1 }, (_, i) => i * text.byteLength);
  const bytes = new Uint8Array(rows * text.byteLength);
  if (text.byteLength > 0) Buffer.from(bytes.buffer).fill(text);
  return { [BufferType.OFFSET]: offsets, [BufferType.DATA]: bytes };
}
