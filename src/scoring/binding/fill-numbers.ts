/**
 * Fills numeric columns into numeric tensors, column by column in small blocks, so that the data stays in the
 * L1 cache.
 */
import type { Data } from "apache-arrow";
import { type FindNulls, nullFinder } from "../../data/arrow/validity.js";
import { doubleToHalf } from "../../data/float16.js";
import type { TensorData, TensorType } from "../../data/tensor.js";
import { isFloatTensor } from "../../mapping/casts.js";
import type { BoundColumn } from "../../mapping/mapping.js";
import { type Adjust, dtypeConversion } from "./convert-dtype.js";
import { type Fill, type FillContext, nullFault, type OnFault } from "./fill.js";
import { fillExactIntegers, type IntegerTensor } from "./fill-exact-integers.js";
import { readCategories, refuseUnknown } from "./read-categories.js";
import { type ReadNumbers, readNumbers } from "./read-numbers.js";
import {
  floatBits,
  type IntegerLimits,
  integerFault,
  integerLimits,
  type WholeNumbers,
  wholeNumbers,
} from "./whole-numbers.js";

const blockValues = 2048;

/** Writes `count` doubles into cells, `stride` apart. */
type Store = (from: Float64Array, count: number, first: number, stride: number, onFault: OnFault) => void;

export function fillNumbers(
  data: Data,
  column: BoundColumn,
  type: TensorType,
  out: TensorData,
  context: FillContext,
): Fill {
  if (!isFloatTensor(type)) {
    const exact = fillExactIntegers(data, column, type, out as IntegerTensor);
    if (exact !== null) return exact;
  }
  const whole = wholeNumbers(data, column);
  const read =
    column.map === null ? readNumbers(data, column) : readCategories(data, column, column.map, context);
  const becomesInteger = !isFloatTensor(type) || (column.dtype !== null && !isFloatTensor(column.dtype));
  return throughDoubles({
    read,
    nulls: nullFinder(data),
    column,
    adjust: column.map === null ? dtypeConversion(column.dtype, whole) : refuseUnknown,
    nanIsNull: becomesInteger && column.map === null && column.part === null && floatBits(data) !== null,
    store: storeFor(type, out, whole),
  });
}

interface DoublesSteps {
  readonly read: ReadNumbers;
  readonly nulls: FindNulls | null;
  readonly column: BoundColumn;
  readonly adjust: Adjust | null;
  /** In integer columns with missing values, pandas stores floats and writes NaN for a missing value. */
  readonly nanIsNull: boolean;
  readonly store: Store;
}

function throughDoubles({ read, nulls, column, adjust, nanIsNull, store }: DoublesSteps): Fill {
  const block = new Float64Array(blockValues);
  const missing = new Set<number>();
  const fault = nullFault(column);
  const replacement = replacementOf(column);
  return (start, count, first, stride, onFault) => {
    for (let done = 0; done < count; done += blockValues) {
      const size = Math.min(blockValues, count - done);
      read(start + done, size, block);
      missing.clear();
      nulls?.(start + done, size, (index) => void missing.add(index));
      if (nanIsNull)
        for (let index = 0; index < size; index++) if (Number.isNaN(block[index])) missing.add(index);
      if (adjust !== null) {
        // The content of a null slot is undefined and must not cause a fault.
        for (const index of missing) block[index] = 0;
        adjust(block, size, (index, reason) => onFault(done + index, reason));
      }
      for (const index of missing) {
        block[index] = replacement;
        if (fault !== null) onFault(done + index, fault);
      }
      store(block, size, first + done * stride, stride, (index, reason) => onFault(done + index, reason));
    }
  };
}

function replacementOf({ nulls }: BoundColumn): number {
  if (nulls === "nan") return Number.NaN;
  return typeof nulls === "object" ? Number(nulls.value) : 0;
}

function storeFor(type: TensorType, out: TensorData, whole: WholeNumbers): Store {
  if (out instanceof Float32Array) return storeFloats(out);
  if (out instanceof Float64Array) return storeDoubles(out);
  if (type === "float16") return storeHalves(out as Uint16Array);
  // The limits of the column's type matter where its values first become integers.
  const limits = integerLimits(type, whole);
  if (out instanceof BigInt64Array || out instanceof BigUint64Array)
    return storeWideIntegers(out, limits, whole.cutsFractions);
  return storeIntegers(out as Int32Array, limits, whole.cutsFractions);
}

function storeFloats(out: Float32Array): Store {
  return (from, count, first, stride) => {
    for (let index = 0, cell = first; index < count; index++, cell += stride) out[cell] = from[index] ?? 0;
  };
}

function storeDoubles(out: Float64Array): Store {
  return (from, count, first, stride) => {
    for (let index = 0, cell = first; index < count; index++, cell += stride) out[cell] = from[index] ?? 0;
  };
}

function storeHalves(out: Uint16Array): Store {
  return (from, count, first, stride) => {
    for (let index = 0, cell = first; index < count; index++, cell += stride)
      out[cell] = doubleToHalf(from[index] ?? 0);
  };
}

function storeIntegers(
  out: Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array,
  limits: IntegerLimits,
  cutsFractions: boolean,
): Store {
  return (from, count, first, stride, onFault) => {
    for (let index = 0, cell = first; index < count; index++, cell += stride) {
      const given = from[index] ?? 0;
      const value = cutsFractions ? Math.trunc(given) : given;
      const fault = integerFault(value, limits);
      out[cell] = fault === null ? value : 0;
      if (fault !== null) onFault(index, fault);
    }
  };
}

/** For sources that are not integers: parts of timestamps, booleans and floats. */
function storeWideIntegers(
  out: BigInt64Array | BigUint64Array,
  limits: IntegerLimits,
  cutsFractions: boolean,
): Store {
  return (from, count, first, stride, onFault) => {
    for (let index = 0, cell = first; index < count; index++, cell += stride) {
      const given = from[index] ?? 0;
      const value = cutsFractions ? Math.trunc(given) : given;
      const fault = integerFault(value, limits);
      out[cell] = fault === null ? BigInt(value) : 0n;
      if (fault !== null) onFault(index, fault);
    }
  };
}
