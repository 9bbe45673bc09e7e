/**
 * Fills integers into int64 and uint64 tensors, and decimals into any integer tensor, exactly: never through
 * a double.
 */
import { type Data, DataType, Type } from "apache-arrow";
import { unscaledAt } from "../../data/arrow/decimals.js";
import { nullFinder } from "../../data/arrow/validity.js";
import type { TensorType } from "../../data/tensor.js";
import { isFloatTensor } from "../../mapping/casts.js";
import type { BoundColumn } from "../../mapping/mapping.js";
import { integerRange } from "../tensors/integer-range.js";
import { type Fill, nullFault } from "./fill.js";

/** Returns the integer at a position; `null` if the value has a fraction. */
type IntegerAt = (index: number) => bigint | null;

type WideTensor = BigInt64Array | BigUint64Array;
export type IntegerTensor =
  | WideTensor
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array;

/** Returns `null` if the column's values are not integers for the tensor, or if doubles are exact too. */
export function fillExactIntegers(
  data: Data,
  column: BoundColumn,
  type: TensorType,
  out: IntegerTensor,
): Fill | null {
  const isWide = out instanceof BigInt64Array || out instanceof BigUint64Array;
  if (!isWide && !holdsDecimals(data)) return null;
  const at = column.part === null && column.map === null ? exactReader(data, column.lossy) : null;
  const range = column.dtype === null ? null : wholeRange(column.dtype);
  if (at === null || (column.dtype !== null && range === null)) return null;
  const nulls = nullFinder(data);
  const fault = nullFault(column);
  const replacement = typeof column.nulls === "object" ? BigInt(Number(column.nulls.value)) : 0n;
  const held = wholeRange(type);
  if (held === null) return null;
  const put = (cell: number, value: bigint): void => {
    if (isWide) out[cell] = value;
    else out[cell] = Number(value);
  };
  const same = range === null && isWide ? sameIntegers(data, out) : null;
  return (start, count, first, stride, onFault) => {
    if (same !== null && stride === 1) {
      same(start, count, first);
      nulls?.(start, count, (index) => {
        put(first + index, replacement);
        if (fault !== null) onFault(index, fault);
      });
      return;
    }
    const nullAt = new Set<number>();
    nulls?.(start, count, (index) => {
      nullAt.add(index);
      put(first + index * stride, replacement);
      if (fault !== null) onFault(index, fault);
    });
    for (let index = 0, cell = first; index < count; index++, cell += stride) {
      if (nullAt.has(index)) continue;
      const value = at(start + index);
      const fits = value !== null && isWithin(value, held) && (range === null || isWithin(value, range));
      put(cell, fits ? value : 0n);
      if (!fits) onFault(index, value === null ? "cast_inexact" : "cast_overflow");
    }
  };
}

/** Copies integers of the tensor's own type in native code; most token lists use this. */
function sameIntegers(
  { values, type }: Data,
  out: WideTensor,
): ((start: number, count: number, first: number) => void) | null {
  if (type.typeId !== Type.Int || values.constructor !== out.constructor) return null;
  return (start, count, first) => out.set(values.subarray(start, start + count), first);
}

interface Range {
  readonly min: bigint;
  readonly max: bigint;
}

function isWithin(value: bigint, { min, max }: Range): boolean {
  return value >= min && value <= max;
}

function holdsDecimals({ type }: Data): boolean {
  return DataType.isDecimal(DataType.isDictionary(type) ? type.dictionary : type);
}

/** Returns the range of an integer tensor or `dtype`; `null` for other types. */
function wholeRange(dtype: TensorType): Range | null {
  if (isFloatTensor(dtype) || dtype === "string") return null;
  const { min, max } = integerRange(dtype);
  // The bounds of 64 bits are powers of two; the upper one is exclusive.
  const exclusive = dtype === "int64" || dtype === "uint64" ? 1n : 0n;
  return { min: BigInt(min), max: BigInt(max) - exclusive };
}

/** Reads integers, including decimals without decimal places; `null` for other columns. */
export function integerReader(data: Data): ((index: number) => bigint) | null {
  const values = DataType.isDictionary(data.type) ? data.type.dictionary : data.type;
  if (DataType.isDecimal(values) && values.scale > 0) return null;
  const at = exactReader(data, false);
  return at === null ? null : (index) => at(index) ?? 0n;
}

function exactReader(data: Data, cutsFractions: boolean): IntegerAt | null {
  const { type, values } = data;
  if (DataType.isDictionary(type)) return dictionaryReader(data, cutsFractions);
  if (type.typeId === Type.Int) {
    if (values instanceof BigInt64Array || values instanceof BigUint64Array)
      return (index) => values[index] ?? 0n;
    return (index) => BigInt(values[index] ?? 0);
  }
  return DataType.isDecimal(type) ? decimalReader(values, data.stride, type.scale, cutsFractions) : null;
}

function decimalReader(values: Uint32Array, words: number, scale: number, cutsFractions: boolean): IntegerAt {
  const unit = 10n ** BigInt(Math.abs(scale));
  if (scale <= 0) return (index) => unscaledAt(values, index, words) * unit;
  return (index) => {
    const unscaled = unscaledAt(values, index, words);
    return cutsFractions || unscaled % unit === 0n ? unscaled / unit : null;
  };
}

function dictionaryReader(data: Data, cutsFractions: boolean): IntegerAt | null {
  const entries: (bigint | null)[] = [];
  for (const values of data.dictionary?.data ?? []) {
    const at = exactReader(values, cutsFractions);
    if (at === null) return null;
    for (let index = 0; index < values.length; index++) entries.push(at(index));
  }
  const indices = data.values as Int32Array;
  return (index) => {
    const entry = entries[Number(indices[index])];
    return entry === undefined ? 0n : entry;
  };
}
