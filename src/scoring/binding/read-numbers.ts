/** Reads any numeric Arrow column block by block as doubles. */
import { type Data, DataType, Type } from "apache-arrow";
import { unscaledAt } from "../../data/arrow/decimals.js";
import { halfToDouble } from "../../data/float16.js";
import { BugError } from "../../errors.js";
import type { BoundColumn } from "../../mapping/mapping.js";
import { readPart } from "./time-parts.js";

/** Writes `count` values from `start` to the front of `out`. The content for null slots is undefined. */
export type ReadNumbers = (start: number, count: number, out: Float64Array) => void;

type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array;

export function readNumbers(data: Data, { part, timezone, column }: BoundColumn): ReadNumbers {
  const { type } = data;
  if (DataType.isDictionary(type))
    return readDictionary(data, (values) => numbersOf(values, part, timezone, column));
  return numbersOf(data, part, timezone, column);
}

function numbersOf(data: Data, part: BoundColumn["part"], timezone: string, column: string): ReadNumbers {
  if (part !== null && data.type.typeId !== Type.Null) return readPart(data, part, timezone);
  const { values, type } = data;
  if (DataType.isDecimal(type)) return readDecimals(values, data.stride, type.scale);
  switch (type.typeId) {
    case Type.Null:
      return (_start, count, out) => out.fill(0, 0, count);
    case Type.Int:
      return values instanceof BigInt64Array || values instanceof BigUint64Array
        ? readWideIntegers(values)
        : readPlain(values);
    case Type.Float:
      return values instanceof Uint16Array ? readHalves(values) : readPlain(values);
    case Type.Bool:
      return readBits(values, data.offset);
    default:
      throw new BugError("bug.bind", `column "${column}" is ${String(type)}, which was not planned for`);
  }
}

function readPlain(values: NumberArray): ReadNumbers {
  // A typed array converts any pair of types in native code.
  return (start, count, out) => out.set(values.subarray(start, start + count));
}

/**
 * Reads 64-bit integers from their halves: several times faster than BigInt, rounded once, with the same
 * result.
 */
function readWideIntegers(values: BigInt64Array | BigUint64Array): ReadNumbers {
  const low = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  const high =
    values instanceof BigInt64Array
      ? new Int32Array(values.buffer, values.byteOffset, values.length * 2)
      : low;
  return (start, count, out) => {
    for (let index = 0, word = start * 2; index < count; index++, word += 2)
      out[index] = (high[word + 1] ?? 0) * 4_294_967_296 + (low[word] ?? 0);
  };
}

function readHalves(values: Uint16Array): ReadNumbers {
  return (start, count, out) => {
    for (let index = 0; index < count; index++) out[index] = halfToDouble(values[start + index] ?? 0);
  };
}

function readBits(values: Uint8Array, offset: number): ReadNumbers {
  return (start, count, out) => {
    for (let index = 0, bit = offset + start; index < count; index++, bit++)
      out[index] = ((values[bit >> 3] ?? 0) >> (bit & 7)) & 1;
  };
}

function readDecimals(values: Uint32Array, words: number, scale: number): ReadNumbers {
  const unit = 10 ** Math.abs(scale);
  return (start, count, out) => {
    for (let index = 0; index < count; index++) {
      const unscaled = decimalAt(values, start + index, words);
      out[index] = scale < 0 ? unscaled * unit : unscaled / unit;
    }
  };
}

/** Most decimals are small, so only their two lowest words are used. */
function decimalAt(values: Uint32Array, index: number, words: number): number {
  const first = index * words;
  const low = values[first] ?? 0;
  const high = (values[first + 1] ?? 0) | 0;
  const sign = high >> 31;
  let fitsTwoWords = true;
  for (let word = 2; word < words; word++)
    if (((values[first + word] ?? 0) | 0) !== sign) fitsTwoWords = false;
  return fitsTwoWords ? high * 4_294_967_296 + low : Number(unscaledAt(values, index, words));
}

/** Decodes the dictionary once, then looks up its values. */
export function readDictionary(data: Data, reader: (values: Data) => ReadNumbers): ReadNumbers {
  const decoded = concatenate(
    (data.dictionary?.data ?? []).map((values) => decodeAll(values, reader(values))),
  );
  const indices = data.values as Int8Array | Int16Array | Int32Array;
  return (start, count, out) => {
    for (let index = 0; index < count; index++) out[index] = decoded[Number(indices[start + index])] ?? 0;
  };
}

function decodeAll(values: Data, read: ReadNumbers): Float64Array {
  const out = new Float64Array(values.length);
  read(0, values.length, out);
  return out;
}

function concatenate(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
