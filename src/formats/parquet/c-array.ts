/**
 * Arrow's C data interface, values: ArrowArray structs in WebAssembly memory to Arrow data, as views wherever the layout
 * is the same on both sides. Views are good until that memory grows or the array is released.
 */
import { BufferType, Data, type DataType, type Dictionary, FixedSizeList, Vector } from "apache-arrow";
import type { CField } from "./c-schema.js";

interface CArray {
  readonly memory: ArrayBuffer;
  readonly length: number;
  readonly nulls: number;
  readonly offset: number;
  /** Addresses; 0 where a buffer is left out. */
  readonly buffers: readonly number[];
  readonly children: readonly number[];
  readonly dictionary: number;
}

const maxOffset = 2 ** 31 - 1;

export function readCArray(memory: ArrayBuffer, address: number, shape: CField): Data {
  const array = readStruct(memory, address);
  // The interface's offset counts into all buffers and children alike: take the whole, then slice.
  const whole = {
    ...array,
    length: array.offset + array.length,
    nulls: array.offset === 0 ? array.nulls : -1,
  };
  const data =
    shape.dictionary === null ? readValues(whole, shape) : readIndices(whole, shape, shape.dictionary);
  return array.offset === 0 ? data : data.slice(array.offset, array.length);
}

function readStruct(memory: ArrayBuffer, address: number): CArray {
  const view = new DataView(memory);
  const number = (at: number): number => Number(view.getBigInt64(address + at, true));
  const pointers = (list: number, count: number): readonly number[] =>
    Array.from({ length: count }, (_, i) => view.getUint32(list + 4 * i, true));
  return {
    memory,
    length: number(0),
    nulls: number(8),
    offset: number(16),
    buffers: pointers(view.getUint32(address + 40, true), number(24)),
    children: pointers(view.getUint32(address + 44, true), number(32)),
    dictionary: view.getUint32(address + 48, true),
  };
}

function readValues(array: CArray, shape: CField): Data {
  const { type } = shape.field;
  switch (shape.format) {
    case "n":
      return new Data(type, 0, array.length);
    case "u":
    case "z": {
      const offsets = narrowOffsets(array);
      return make(array, type, {
        [BufferType.OFFSET]: offsets,
        [BufferType.DATA]: bytes(array, 2, lastOf(offsets)),
      });
    }
    case "U":
    case "Z": {
      const offsets = wideOffsets(array);
      return make(array, type, {
        [BufferType.OFFSET]: offsets,
        [BufferType.DATA]: bytes(array, 2, lastOf(offsets)),
      });
    }
    case "vu":
    case "vz":
      return make(array, type, gatherViews(array));
    case "+l":
    case "+m":
      return make(array, type, { [BufferType.OFFSET]: narrowOffsets(array) }, readChildren(array, shape));
    case "+L":
      return make(array, type, { [BufferType.OFFSET]: wideOffsets(array) }, readChildren(array, shape));
    case "+s":
      return make(array, type, {}, readChildren(array, shape));
    case "b":
      return make(array, type, { [BufferType.DATA]: bytes(array, 1, Math.ceil(array.length / 8)) });
    default:
      if (type instanceof FixedSizeList) return make(array, type, {}, readChildren(array, shape));
      return make(array, type, { [BufferType.DATA]: fixedWidth(array, type) });
  }
}

type Buffers = ConstructorParameters<typeof Data>[4];

function make(
  array: CArray,
  type: DataType,
  buffers: Buffers,
  children: Data[] = [],
  dictionary?: Vector,
): Data {
  const bitmap = array.buffers[0] ?? 0;
  const validity =
    array.nulls === 0 || bitmap === 0 || array.length === 0
      ? undefined
      : new Uint8Array(array.memory, bitmap, Math.ceil(array.length / 8));
  const all = validity === undefined ? buffers : { ...buffers, [BufferType.VALIDITY]: validity };
  return new Data(type, 0, array.length, validity === undefined ? 0 : array.nulls, all, children, dictionary);
}

function readChildren(array: CArray, shape: CField): Data[] {
  return shape.children.map((child, i) => readCArray(array.memory, array.children[i] ?? 0, child));
}

/** Numbers, dates, times, decimals and fixed-size binary: `stride` elements of the type's array a value. */
function fixedWidth(array: CArray, type: DataType): ArrayBufferView {
  const elements = array.length * new Data(type, 0, 0).stride;
  const Values = type.ArrayType;
  return elements === 0 ? new Values(0) : new Values(array.memory, array.buffers[1] ?? 0, elements);
}

function bytes(array: CArray, buffer: number, length: number): Uint8Array {
  return length === 0 ? new Uint8Array(0) : new Uint8Array(array.memory, array.buffers[buffer] ?? 0, length);
}

/** An empty array may leave its one offset out. */
function narrowOffsets(array: CArray): Int32Array {
  return array.length === 0
    ? new Int32Array(1)
    : new Int32Array(array.memory, array.buffers[1] ?? 0, array.length + 1);
}

function wideOffsets(array: CArray): Int32Array {
  const narrow = new Int32Array(array.length + 1);
  if (array.length === 0) return narrow;
  const wide = new BigInt64Array(array.memory, array.buffers[1] ?? 0, array.length + 1);
  if (Number(wide[array.length]) > maxOffset)
    throw new RangeError("a batch holds more than 2 GiB of one column");
  for (let i = 0; i < narrow.length; i++) narrow[i] = Number(wide[i]);
  return narrow;
}

function lastOf(offsets: Int32Array): number {
  return offsets[offsets.length - 1] ?? 0;
}

/**
 * String views: 16 bytes a value, its length first, then the value itself up to 12 bytes, else a prefix, the number of
 * the buffer it lies in and the offset there. The last buffer holds the sizes of those in between.
 */
function gatherViews(array: CArray): Buffers {
  const offsets = new Int32Array(array.length + 1);
  if (array.length === 0) return { [BufferType.OFFSET]: offsets, [BufferType.DATA]: new Uint8Array(0) };
  const at = array.buffers[1] ?? 0;
  const views = new DataView(array.memory, at, array.length * 16);
  const valid = validityOf(array);
  let total = 0;
  for (let i = 0; i < array.length; i++) {
    total += valid(i) ? views.getInt32(i * 16, true) : 0;
    if (total > maxOffset) throw new RangeError("a batch holds more than 2 GiB of one column");
    offsets[i + 1] = total;
  }
  const data = new Uint8Array(total);
  for (let i = 0; i < array.length; i++) {
    const start = offsets[i] ?? 0;
    const length = (offsets[i + 1] ?? 0) - start;
    if (length === 0) continue;
    const buffer = array.buffers[2 + views.getInt32(i * 16 + 8, true)] ?? 0;
    const from = length <= 12 ? at + i * 16 + 4 : buffer + views.getInt32(i * 16 + 12, true);
    data.set(new Uint8Array(array.memory, from, length), start);
  }
  return { [BufferType.OFFSET]: offsets, [BufferType.DATA]: data };
}

function validityOf(array: CArray): (row: number) => boolean {
  const bitmap = array.buffers[0] ?? 0;
  if (array.nulls === 0 || bitmap === 0) return () => true;
  const bits = new Uint8Array(array.memory, bitmap, Math.ceil(array.length / 8));
  return (row) => (((bits[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
}

const indexArrays: {
  readonly [format: string]: (memory: ArrayBuffer, at: number, length: number) => Iterable<number>;
} = {
  c: (memory, at, length) => new Int8Array(memory, at, length),
  C: (memory, at, length) => new Uint8Array(memory, at, length),
  s: (memory, at, length) => new Int16Array(memory, at, length),
  S: (memory, at, length) => new Uint16Array(memory, at, length),
  I: (memory, at, length) => new Uint32Array(memory, at, length),
  l: (memory, at, length) => Array.from(new BigInt64Array(memory, at, length), Number),
  L: (memory, at, length) => Array.from(new BigUint64Array(memory, at, length), Number),
};

/** A dictionary column: indices, as `int32` whatever they were, and the values they point to. */
function readIndices(array: CArray, shape: CField, values: CField): Data {
  const at = array.buffers[1] ?? 0;
  const convert = indexArrays[shape.format];
  const indices =
    array.length === 0
      ? new Int32Array(0)
      : convert === undefined
        ? new Int32Array(array.memory, at, array.length)
        : Int32Array.from(convert(array.memory, at, array.length));
  const dictionary = new Vector([readCArray(array.memory, array.dictionary, values)]);
  const type: Dictionary = shape.field.type;
  return make(array, type, { [BufferType.DATA]: indices }, [], dictionary);
}
