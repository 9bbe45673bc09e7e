/** Joins batches into one batch in own memory, because readers reuse their buffers. */
import { BufferType, Data, DataType, RecordBatch, Schema, Struct, Type } from "apache-arrow";
import { takeRows } from "../data/arrow/take-rows.js";
import { isNull } from "../data/arrow/validity.js";
import { arrowType, columnType } from "../data/arrow-types.js";
import { BugError } from "../errors.js";
import { plainType } from "../mapping/resolve-columns.js";

/** A copy of the rows `start` to `end` (exclusive), in a plain layout. */
export function copyRows(batch: RecordBatch, start: number, end: number): RecordBatch {
  const rows = Int32Array.from({ length: end - start }, (_, place) => start + place);
  const children = batch.data.children.map((data) =>
    takeRows(data, rows, arrowType(plainType(columnType(data.type)))),
  );
  return recordBatch(batch.schema, children, end - start);
}

/** Joins two copies made by `copyRows` from batches with the same columns. */
export function joinBatches(first: RecordBatch, second: RecordBatch): RecordBatch {
  const children = first.data.children.map((data, place) => {
    const other = second.data.children[place];
    if (other === undefined) throw new BugError("bug.layout", `a batch has no column ${place}`);
    return join(data, other);
  });
  return recordBatch(first.schema, children, first.numRows + second.numRows);
}

function recordBatch(schema: Schema, children: readonly Data[], rows: number): RecordBatch {
  const fields = schema.fields.map((field, place) =>
    field.clone({ type: children[place]?.type ?? field.type }),
  );
  return new RecordBatch(
    new Schema(fields, schema.metadata),
    new Data(new Struct(fields), 0, rows, 0, {}, [...children]),
  );
}

function join(first: Data, second: Data): Data {
  const { type } = first;
  const length = first.length + second.length;
  const children = first.children.map((child, place) => {
    const other = second.children[place];
    if (other === undefined) throw new BugError("bug.layout", `${String(type)} has no child ${place}`);
    return join(child, other);
  });
  const nulls = first.nullCount + second.nullCount;
  const buffers = {
    ...joinedOffsets(first, second),
    ...joinedValues(first, second),
    ...(nulls === 0 || DataType.isNull(type)
      ? {}
      : { [BufferType.VALIDITY]: bits(length, (row) => !isNullIn(first, second, row)) }),
  };
  return new Data(type, 0, length, nulls, buffers, children);
}

function isNullIn(first: Data, second: Data, row: number): boolean {
  return row < first.length ? isNull(first, row) : isNull(second, row - first.length);
}

function joinedOffsets(first: Data, second: Data): { readonly [BufferType.OFFSET]?: Int32Array } {
  const [from, more] = [first.valueOffsets, second.valueOffsets] as (Int32Array | undefined)[];
  if (from === undefined || more === undefined) return {};
  const offsets = new Int32Array(first.length + second.length + 1);
  offsets.set(from.subarray(0, first.length + 1));
  const end = from[first.length] ?? 0;
  for (let row = 1; row <= second.length; row++) offsets[first.length + row] = end + (more[row] ?? 0);
  return { [BufferType.OFFSET]: offsets };
}

function joinedValues(first: Data, second: Data): { readonly [BufferType.DATA]?: unknown } {
  if (first.type.typeId === Type.Bool) {
    const bitOf = ({ values, offset }: Data, row: number): boolean =>
      (((values[(offset + row) >> 3] ?? 0) >> ((offset + row) & 7)) & 1) === 1;
    return {
      [BufferType.DATA]: bits(first.length + second.length, (row) =>
        row < first.length ? bitOf(first, row) : bitOf(second, row - first.length),
      ),
    };
  }
  const [from, more] = [first.values, second.values];
  if (from === undefined || more === undefined || from === null || more === null) return {};
  const values = new from.constructor(from.length + more.length);
  values.set(from);
  values.set(more, from.length);
  return { [BufferType.DATA]: values };
}

function bits(length: number, isSet: (row: number) => boolean): Uint8Array {
  const packed = new Uint8Array((length + 7) >> 3);
  for (let row = 0; row < length; row++)
    if (isSet(row)) packed[row >> 3] = (packed[row >> 3] ?? 0) | (1 << (row & 7));
  return packed;
}
