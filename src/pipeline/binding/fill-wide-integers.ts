/** Integer columns into int64 and uint64 tensors, exact beyond 2^53: never through a double. */
import { type Data, DataType, Type } from "apache-arrow";
import type { BoundColumn } from "../../mapping.js";
import type { TensorType } from "../../tensor.js";
import { unscaledAt } from "../arrow/decimals.js";
import { nullFinder } from "../arrow/validity.js";
import { isFloatTensor } from "../mapping/casts.js";
import { integerRange } from "../tensors/integer-range.js";
import { type Fill, nullFault } from "./fill.js";

type IntegerAt = (index: number) => bigint;

/** `null` when the column's values don't go into the tensor as the integers that they are. */
export function fillWideIntegers(
  data: Data,
  column: BoundColumn,
  out: BigInt64Array | BigUint64Array,
): Fill | null {
  const at = column.part === null && column.map === null ? integerReader(data) : null;
  const range = column.dtype === null ? null : wholeRange(column.dtype);
  if (at === null || (column.dtype !== null && range === null)) return null;
  const nulls = nullFinder(data);
  const fault = nullFault(column);
  const replacement = typeof column.nulls === "object" ? BigInt(Number(column.nulls.value)) : 0n;
  const bound = out instanceof BigInt64Array ? BigInt.asIntN : BigInt.asUintN;
  const same = range === null ? sameIntegers(data, out) : null;
  return (start, count, first, stride, onFault) => {
    if (same !== null && stride === 1) {
      same(start, count, first);
      nulls?.(start, count, (index) => {
        out[first + index] = replacement;
        if (fault !== null) onFault(index, fault);
      });
      return;
    }
    const nullAt = new Set<number>();
    nulls?.(start, count, (index) => {
      nullAt.add(index);
      out[first + index * stride] = replacement;
      if (fault !== null) onFault(index, fault);
    });
    for (let index = 0, cell = first; index < count; index++, cell += stride) {
      if (nullAt.has(index)) continue;
      const value = at(start + index);
      const fits =
        bound(64, value) === value && (range === null || (value >= range.min && value <= range.max));
      out[cell] = fits ? value : 0n;
      if (!fits) onFault(index, "cast_overflow");
    }
  };
}

/** Copies integers that are the tensor's own already, in native code: token lists are mostly this. */
function sameIntegers(
  { values, type }: Data,
  out: BigInt64Array | BigUint64Array,
): ((start: number, count: number, first: number) => void) | null {
  if (type.typeId !== Type.Int || values.constructor !== out.constructor) return null;
  return (start, count, first) => out.set(values.subarray(start, start + count), first);
}

/** What a `dtype` can hold; `null` where that is not integers. */
function wholeRange(dtype: TensorType): { readonly min: bigint; readonly max: bigint } | null {
  if (isFloatTensor(dtype) || dtype === "string") return null;
  const { min, max } = integerRange(dtype);
  // The bounds of 64 bits are powers of two, the upper one exclusive.
  const exclusive = dtype === "int64" || dtype === "uint64" ? 1n : 0n;
  return { min: BigInt(min), max: BigInt(max) - exclusive };
}

export function integerReader(data: Data): IntegerAt | null {
  const { type, values } = data;
  if (DataType.isDictionary(type)) return dictionaryReader(data);
  if (type.typeId === Type.Int) {
    if (values instanceof BigInt64Array || values instanceof BigUint64Array)
      return (index) => values[index] ?? 0n;
    return (index) => BigInt(values[index] ?? 0);
  }
  if (DataType.isDecimal(type) && type.scale <= 0) return decimalReader(values, data.stride, -type.scale);
  return null;
}

function decimalReader(values: Uint32Array, words: number, zeros: number): IntegerAt {
  const unit = 10n ** BigInt(zeros);
  return (index) => unscaledAt(values, index, words) * unit;
}

function dictionaryReader(data: Data): IntegerAt | null {
  const entries: bigint[] = [];
  for (const values of data.dictionary?.data ?? []) {
    const at = integerReader(values);
    if (at === null) return null;
    for (let index = 0; index < values.length; index++) entries.push(at(index));
  }
  const indices = data.values as Int32Array;
  return (index) => entries[Number(indices[index])] ?? 0n;
}
