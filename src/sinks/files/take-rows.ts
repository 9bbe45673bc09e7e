/** Selects rows of a batch without decoding, for every type: buffers are copied, values are not examined. */
import { type Data, makeData, RecordBatch, Struct, Type } from "apache-arrow";
import { DataError } from "../../errors.js";

/** Returns a new batch with its own memory. `rows`: positions in the batch, in the desired order. */
export function takeRows(batch: RecordBatch, rows: Uint32Array): RecordBatch {
  const children = batch.data.children.map((child) => take(child, rows));
  const type = new Struct(batch.schema.fields);
  return new RecordBatch(batch.schema, makeData({ type, length: rows.length, nullCount: 0, children }));
}

function take(data: Data, rows: Uint32Array): Data {
  const { validity, nullCount } = takeValidity(data, rows);
  const rebuilt = (values: unknown, offsets?: unknown, children: Data[] = []): Data =>
    data.clone(data.type, 0, rows.length, nullCount, [offsets, values, validity] as never, children);
  switch (data.typeId) {
    case Type.Null:
      return data.clone(data.type, 0, rows.length);
    case Type.Bool:
      return rebuilt(takeBits(data.values, data.offset, rows));
    case Type.Struct:
      return rebuilt(
        undefined,
        undefined,
        data.children.map((child) => take(child, rows)),
      );
    case Type.FixedSizeList:
      return rebuilt(
        undefined,
        undefined,
        data.children.map((child) => take(child, spread(rows, data.stride))),
      );
    case Type.Utf8:
    case Type.Binary:
    case Type.LargeUtf8:
    case Type.LargeBinary: {
      const { offsets, positions } = takeRanges(data, rows);
      return rebuilt(takeElements(data.values, positions, 1), offsets);
    }
    case Type.List:
    case Type.Map: {
      const { offsets, positions } = takeRanges(data, rows);
      return rebuilt(
        undefined,
        offsets,
        data.children.map((child) => take(child, positions)),
      );
    }
    default:
      if (data.values === undefined || data.children.length > 0) throw unsupported(data);
      // Numbers, times, decimals, fixed-size binary, and the indices of a dictionary.
      return rebuilt(takeElements(data.values, rows, data.stride));
  }
}

type Elements = {
  readonly length: number;
  [index: number]: number | bigint;
  subarray(start: number, end: number): Elements;
  set(source: Elements, at: number): void;
};

function takeElements(values: Elements, rows: Uint32Array, stride: number): Elements {
  const Values = values.constructor as new (length: number) => Elements;
  const taken = new Values(rows.length * stride);
  for (let at = 0; at < rows.length; at++) {
    const from = (rows[at] ?? 0) * stride;
    if (stride === 1) taken[at] = values[from] ?? 0;
    else taken.set(values.subarray(from, from + stride), at * stride);
  }
  return taken;
}

/** Returns the offsets of the selected rows, and the old positions of their elements. */
function takeRanges(
  data: Data,
  rows: Uint32Array,
): { readonly offsets: Int32Array | BigInt64Array; readonly positions: Uint32Array } {
  const old: Int32Array | BigInt64Array = data.valueOffsets;
  const start = (row: number) => Number(old[row] ?? 0);
  const lengthOf = (row: number) => start(row + 1) - start(row);
  const total = rows.reduce((sum, row) => sum + lengthOf(row), 0);
  const positions = new Uint32Array(total);
  const ends = new Float64Array(rows.length + 1);
  let at = 0;
  rows.forEach((row, index) => {
    for (let element = start(row); element < start(row + 1); element++) positions[at++] = element;
    ends[index + 1] = at;
  });
  const offsets = old instanceof BigInt64Array ? BigInt64Array.from(ends, BigInt) : Int32Array.from(ends);
  return { offsets, positions };
}

function spread(rows: Uint32Array, width: number): Uint32Array {
  return Uint32Array.from({ length: rows.length * width }, (_, at) => {
    return (rows[Math.floor(at / width)] ?? 0) * width + (at % width);
  });
}

function takeBits(bits: Uint8Array, offset: number, rows: Uint32Array): Uint8Array {
  const taken = new Uint8Array(bytesFor(rows.length));
  for (let at = 0; at < rows.length; at++) {
    if (isSet(bits, offset + (rows[at] ?? 0))) taken[at >> 3] = (taken[at >> 3] ?? 0) | (1 << (at & 7));
  }
  return taken;
}

function takeValidity(
  data: Data,
  rows: Uint32Array,
): { readonly validity: Uint8Array | undefined; readonly nullCount: number } {
  const bitmap: Uint8Array | undefined = data.nullBitmap;
  if (bitmap === undefined || bitmap.length === 0 || data.nullCount === 0) {
    return { validity: undefined, nullCount: 0 };
  }
  const nullCount = rows.reduce((nulls, row) => nulls + (isSet(bitmap, data.offset + row) ? 0 : 1), 0);
  return { validity: takeBits(bitmap, data.offset, rows), nullCount };
}

function isSet(bits: Uint8Array, at: number): boolean {
  return ((bits[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
}

/** Arrow pads bitmaps to 8 bytes. */
function bytesFor(bits: number): number {
  return ((bits + 63) & ~63) >> 3;
}

function unsupported(data: Data): DataError {
  return new DataError("data.unsupported", `rows of type ${data.type} cannot be split by partition`, {
    hint: "Leave this column out of the output, or write without `partition_by`.",
  });
}
