/** Numeric columns into numeric tensors. Column by column in small blocks: what is read stays in the L1 cache. */
import type { Data } from "apache-arrow";
import { doubleToHalf } from "../../float16.js";
import type { BoundColumn } from "../../mapping.js";
import type { TensorData, TensorType } from "../../tensor.js";
import { type FindNulls, nullFinder } from "../arrow/validity.js";
import { integerRange } from "../tensors/integer-range.js";
import { dtypeConversion } from "./convert-dtype.js";
import { type Fill, type FillContext, nullFault, type OnFault } from "./fill.js";
import { fillWideIntegers } from "./fill-wide-integers.js";
import { readCategories, refuseUnknown } from "./read-categories.js";
import { type ReadNumbers, readNumbers } from "./read-numbers.js";

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
  if (type === "int64" || type === "uint64") {
    const exact = fillWideIntegers(data, column, out as BigInt64Array | BigUint64Array);
    if (exact !== null) return exact;
  }
  const read =
    column.map === null ? readNumbers(data, column) : readCategories(data, column, column.map, context);
  return throughDoubles(read, nullFinder(data), column, storeFor(type, out));
}

function throughDoubles(read: ReadNumbers, nulls: FindNulls | null, column: BoundColumn, store: Store): Fill {
  const block = new Float64Array(blockValues);
  const adjust = column.map === null ? dtypeConversion(column.dtype) : refuseUnknown;
  const fault = nullFault(column);
  const replacement = replacementOf(column);
  return (start, count, first, stride, onFault) => {
    for (let done = 0; done < count; done += blockValues) {
      const size = Math.min(blockValues, count - done);
      read(start + done, size, block);
      if (adjust !== null) {
        // What a null slot holds is no value that could fail.
        nulls?.(start + done, size, (index) => {
          block[index] = 0;
        });
        adjust(block, size, (index, reason) => onFault(done + index, reason));
      }
      nulls?.(start + done, size, (index) => {
        block[index] = replacement;
        if (fault !== null) onFault(done + index, fault);
      });
      store(block, size, first + done * stride, stride, (index, reason) => onFault(done + index, reason));
    }
  };
}

function replacementOf({ nulls }: BoundColumn): number {
  if (nulls === "nan") return Number.NaN;
  return typeof nulls === "object" ? Number(nulls.value) : 0;
}

function storeFor(type: TensorType, out: TensorData): Store {
  if (out instanceof Float32Array) return storeFloats(out);
  if (out instanceof Float64Array) return storeDoubles(out);
  if (type === "float16") return storeHalves(out as Uint16Array);
  if (out instanceof BigInt64Array || out instanceof BigUint64Array) return storeWideIntegers(type, out);
  return storeIntegers(type, out as Int32Array);
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

/** Fractions were allowed by `cast: lossy` and are cut off; what is out of range fails its row. */
function storeIntegers(
  type: TensorType,
  out: Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array,
): Store {
  const { min, max } = integerRange(type);
  return (from, count, first, stride, onFault) => {
    for (let index = 0, cell = first; index < count; index++, cell += stride) {
      const value = Math.trunc(from[index] ?? 0);
      if (value >= min && value <= max) out[cell] = value;
      else {
        out[cell] = 0;
        onFault(index, Number.isNaN(value) ? "not_a_number" : "cast_overflow");
      }
    }
  };
}

/** For sources that are not integers themselves: parts of timestamps, booleans, and floats under `cast: lossy`. */
function storeWideIntegers(type: TensorType, out: BigInt64Array | BigUint64Array): Store {
  const { min, max } = integerRange(type);
  return (from, count, first, stride, onFault) => {
    for (let index = 0, cell = first; index < count; index++, cell += stride) {
      const value = Math.trunc(from[index] ?? 0);
      if (value >= min && value < max) out[cell] = BigInt(value);
      else {
        out[cell] = 0n;
        onFault(index, Number.isNaN(value) ? "not_a_number" : "cast_overflow");
      }
    }
  };
}
