import { doubleToHalf, halfToDouble } from "../../float16.js";
import type { TensorType } from "../../tensor.js";
import { integerRange } from "../tensors/integer-range.js";
import type { OnFault } from "./fill.js";

/** Changes the first `count` values in place. */
export type Adjust = (values: Float64Array, count: number, onFault: OnFault) => void;

/** Doubles to what they are in another type, still as doubles; `null` where that changes nothing. */
export function dtypeConversion(dtype: TensorType | null): Adjust | null {
  switch (dtype) {
    case null:
    case "float64":
    case "string":
      return null;
    case "float32":
      return (values, count) => {
        for (let index = 0; index < count; index++) values[index] = Math.fround(values[index] ?? 0);
      };
    case "float16":
      return (values, count) => {
        for (let index = 0; index < count; index++)
          values[index] = halfToDouble(doubleToHalf(values[index] ?? 0));
      };
    default:
      return toIntegers(dtype);
  }
}

/** Fractions were allowed by `cast: lossy` and are cut off. */
function toIntegers(dtype: TensorType): Adjust {
  const { min, max } = integerRange(dtype);
  const isWide = dtype === "int64" || dtype === "uint64";
  return (values, count, onFault) => {
    for (let index = 0; index < count; index++) {
      const value = Math.trunc(values[index] ?? 0);
      // The upper bound of 64 bits is itself out of range.
      if (value >= min && (isWide ? value < max : value <= max)) values[index] = value;
      else {
        values[index] = 0;
        onFault(index, Number.isNaN(value) ? "not_a_number" : "cast_overflow");
      }
    }
  };
}
