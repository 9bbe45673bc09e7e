/**
 * Copies rows of a column into a plain layout: dictionaries decoded, 32-bit offsets, no views, list types of
 * the target. The buffers of a chunk belong to its reader and are reused for the next chunk; the buffers of a
 * copy belong to the caller.
 */
import {
  BufferType,
  Data,
  DataType,
  type Field,
  type FixedSizeList,
  Null,
  Type,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import { BugError } from "../../errors.js";
import { isNull } from "./validity.js";

/** Returns the column itself if its layout is plain already, else a plain copy. */
export function plainRows(data: Data, target: DataType): Data {
  if (isPlain(data.type, target)) return data;
  return takeRows(
    data,
    Int32Array.from({ length: data.length }, (_, row) => row),
    target,
  );
}

/**
 * A copy of the given rows, in their order. A negative row gives a null.
 *
 * @param target the same type without dictionaries; fixed-size lists may become lists
 */
export function takeRows(data: Data, rows: Int32Array, target: DataType): Data {
  const { type } = data;
  if (DataType.isDictionary(type)) return takeDictionary(data, rows, target);
  if (DataType.isNull(type)) return new Data(new Null(), 0, rows.length, rows.length);
  const nulls = takeNulls(data, rows);
  const make = (buffers: { offsets?: Int32Array; values?: unknown }, children: Data[] = []) =>
    new Data(
      target,
      0,
      rows.length,
      nulls.count,
      {
        ...(buffers.offsets === undefined ? {} : { [BufferType.OFFSET]: buffers.offsets }),
        ...(buffers.values === undefined ? {} : { [BufferType.DATA]: buffers.values }),
        [BufferType.VALIDITY]: nulls.bitmap,
      },
      children,
    );
  switch (type.typeId) {
    case Type.Bool:
      return make({ values: takeBits(data, rows) });
    case Type.Utf8:
    case Type.LargeUtf8:
    case Type.Binary:
    case Type.LargeBinary:
      return make(takeBytes(data, rows));
    case Type.Utf8View:
    case Type.BinaryView:
      return takeViews(data, rows, target);
    case Type.List:
    case Type.LargeList:
    case Type.Map: {
      const { offsets, elements } = takeElements(data, rows);
      return make({ offsets }, [takeRows(child(data, 0), elements, child(target, 0).type)]);
    }
    case Type.FixedSizeList: {
      const { offsets, elements } = takeFixedElements(data, rows);
      const taken = [takeRows(child(data, 0), elements, child(target, 0).type)];
      return DataType.isFixedSizeList(target) ? make({}, taken) : make({ offsets }, taken);
    }
    case Type.Struct:
      return make(
        {},
        data.children.map((field, index) => takeRows(field, rows, child(target, index).type)),
      );
    case Type.Date:
      return make({ values: sameUnit(type, target) ? takeFixedWidth(data, rows) : takeDays(data, rows) });
    default:
      return make({ values: takeFixedWidth(data, rows) });
  }
}

function isPlain(type: DataType, target: DataType): boolean {
  if (type.typeId !== target.typeId || !sameUnit(type, target)) return false;
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) return false;
  const fields: readonly Field[] = type.children ?? [];
  return fields.every((field, index) => isPlain(field.type, child(target, index).type));
}

function child<Parent extends Data | DataType>(
  parent: Parent,
  index: number,
): Parent extends Data ? Data : Field {
  const found = parent.children[index];
  if (found === undefined) throw new BugError("bug.layout", `${String(parent)} has no child ${index}`);
  return found as Parent extends Data ? Data : Field;
}

function takeNulls(data: Data, rows: Int32Array): { readonly count: number; readonly bitmap: Uint8Array } {
  let count = 0;
  const bitmap = new Uint8Array((rows.length + 7) >> 3).fill(0xff);
  for (let to = 0; to < rows.length; to++) {
    const row = rows[to] ?? -1;
    if (row >= 0 && !isNull(data, row)) continue;
    count++;
    bitmap[to >> 3] = (bitmap[to >> 3] ?? 0) & ~(1 << (to & 7));
  }
  return count === 0 ? { count, bitmap: new Uint8Array(0) } : { count, bitmap };
}

function takeFixedWidth({ values, stride }: Data, rows: Int32Array): unknown {
  const taken = new values.constructor(rows.length * stride);
  if (stride === 1) {
    for (let to = 0; to < rows.length; to++) {
      const row = rows[to] ?? -1;
      if (row >= 0) taken[to] = values[row];
    }
    return taken;
  }
  for (let to = 0; to < rows.length; to++) {
    const row = rows[to] ?? -1;
    if (row >= 0) taken.set(values.subarray(row * stride, (row + 1) * stride), to * stride);
  }
  return taken;
}

function sameUnit(type: DataType, target: DataType): boolean {
  return !DataType.isDate(type) || !DataType.isDate(target) || type.unit === target.unit;
}

const dayMs = 86_400_000;

function takeDays({ values }: Data, rows: Int32Array): Int32Array {
  return rows.map((row) => (row < 0 ? 0 : Math.floor(Number(values[row]) / dayMs)));
}

function takeBits({ values, offset }: Data, rows: Int32Array): Uint8Array {
  const taken = new Uint8Array((rows.length + 7) >> 3);
  for (let to = 0; to < rows.length; to++) {
    const bit = offset + (rows[to] ?? 0);
    if (bit >= offset && ((values[bit >> 3] ?? 0) >> (bit & 7)) & 1)
      taken[to >> 3] = (taken[to >> 3] ?? 0) | (1 << (to & 7));
  }
  return taken;
}

function takeBytes(data: Data, rows: Int32Array): { offsets: Int32Array; values: Uint8Array } {
  const from = data.valueOffsets as Int32Array | BigInt64Array;
  const bytes = data.values as Uint8Array;
  const offsets = new Int32Array(rows.length + 1);
  for (let to = 0; to < rows.length; to++) {
    const row = rows[to] ?? -1;
    const length = row < 0 || isNull(data, row) ? 0 : Number(from[row + 1]) - Number(from[row]);
    offsets[to + 1] = (offsets[to] ?? 0) + length;
  }
  const values = new Uint8Array(offsets[rows.length] ?? 0);
  for (let to = 0; to < rows.length; to++) {
    const start = offsets[to] ?? 0;
    const length = (offsets[to + 1] ?? 0) - start;
    if (length === 0) continue;
    const at = Number(from[rows[to] ?? 0]);
    values.set(bytes.subarray(at, at + length), start);
  }
  return { offsets, values };
}

function takeViews(data: Data, rows: Int32Array, target: DataType): Data {
  const vector = new Vector([data]);
  return fromValues(
    Array.from(rows, (row) => (row < 0 ? null : vector.get(row))),
    target,
  );
}

/** Returns the offsets of the taken lists and the rows of their elements. */
function takeElements(data: Data, rows: Int32Array): { offsets: Int32Array; elements: Int32Array } {
  const from = data.valueOffsets as Int32Array | BigInt64Array;
  return gatherElements(rows, (row) =>
    isNull(data, row)
      ? { start: 0, length: 0 }
      : { start: Number(from[row]), length: Number(from[row + 1]) - Number(from[row]) },
  );
}

/** A null in a fixed-size list still occupies its elements, unless the target is a variable-size list. */
function takeFixedElements(data: Data, rows: Int32Array): { offsets: Int32Array; elements: Int32Array } {
  const size = (data.type as FixedSizeList).listSize;
  return gatherElements(rows, (row) => ({ start: row * size, length: size }), size);
}

function gatherElements(
  rows: Int32Array,
  extent: (row: number) => { readonly start: number; readonly length: number },
  lengthOfNull = 0,
): { offsets: Int32Array; elements: Int32Array } {
  const offsets = new Int32Array(rows.length + 1);
  for (let to = 0; to < rows.length; to++) {
    const row = rows[to] ?? -1;
    offsets[to + 1] = (offsets[to] ?? 0) + (row < 0 ? lengthOfNull : extent(row).length);
  }
  const elements = new Int32Array(offsets[rows.length] ?? 0).fill(-1);
  for (let to = 0; to < rows.length; to++) {
    const row = rows[to] ?? -1;
    if (row < 0) continue;
    const { start, length } = extent(row);
    const at = offsets[to] ?? 0;
    for (let index = 0; index < length; index++) elements[at + index] = start + index;
  }
  return { offsets, elements };
}

function takeDictionary(data: Data, rows: Int32Array, target: DataType): Data {
  const indices = data.values as Int32Array;
  const entries = Int32Array.from(rows, (row) => (row < 0 || isNull(data, row) ? -1 : Number(indices[row])));
  const { dictionary } = data;
  const [only, ...more] = dictionary?.data ?? [];
  if (only !== undefined && more.length === 0) return takeRows(only, entries, target);
  return fromValues(
    Array.from(entries, (entry) => (entry < 0 ? null : (dictionary?.get(entry) ?? null))),
    target,
  );
}

/** Copies value by value. Used for layouts that are too rare to have a faster path. */
function fromValues(values: readonly unknown[], target: DataType): Data {
  const [data] = vectorFromArray(values, target).data;
  return data ?? new Data(target, 0, 0, 0);
}
