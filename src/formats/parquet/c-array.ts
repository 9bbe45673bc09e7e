/**
 * Arrow's C data interface, values: ArrowArray structs in WebAssembly memory to Arrow data, as views wherever the layout
 * is the same on both sides. Views are good until that memory grows or the array is released.
 */
import { BufferType, Data, type DataType, FixedSizeList, Vector } from "apache-arrow";
import { type CField, UnsupportedType } from "./c-schema.js";

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
      return new Data(type, 0, array.length, array.length);
    case "u":
    case "z": {
      const offsets = readOffsets(array);
      return make(array, type, {
        [BufferType.OFFSET]: offsets,
        [BufferType.DATA]: bytes(array, 2, lastOf(offsets)),
      });
    }
    case "+l":
    case "+m":
      return make(array, type, { [BufferType.OFFSET]: readOffsets(array) }, readChildren(array, shape));
    case "+s":
      return make(array, type, {}, readChildren(array, shape));
    case "b":
      return make(array, type, { [BufferType.DATA]: bytes(array, 1, Math.ceil(array.length / 8)) });
    case "U":
    case "Z":
    case "vu":
    case "vz":
    case "+L":
      // Excerpts ask for the plain siblings.
      throw new UnsupportedType(shape.field.name, shape.format);
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
function readOffsets(array: CArray): Int32Array {
  return array.length === 0
    ? new Int32Array(1)
    : new Int32Array(array.memory, array.buffers[1] ?? 0, array.length + 1);
}

function lastOf(offsets: Int32Array): number {
  return offsets[offsets.length - 1] ?? 0;
}

/** A dictionary column: indices, and the values they point to. */
function readIndices(array: CArray, shape: CField, values: CField): Data {
  const dictionary = new Vector([readCArray(array.memory, array.dictionary, values)]);
  const indices = fixedWidth(array, shape.field.type.indices);
  return make(array, shape.field.type, { [BufferType.DATA]: indices }, [], dictionary);
}
