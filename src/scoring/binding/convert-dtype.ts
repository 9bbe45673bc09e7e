import { doubleToHalf, halfToDouble } from "../../data/float16.js";
import type { TensorType } from "../../data/tensor.js";
import type { OnFault } from "./fill.js";
import { integerFault, integerLimits, type WholeNumbers } from "./whole-numbers.js";

/** Changes the first `count` values in place. */
export type Adjust = (values: Float64Array, count: number, onFault: OnFault) => void;

/** Rounds doubles to the values of another type, still as doubles; `null` if that changes nothing. */
export function dtypeConversion(dtype: TensorType | null, whole: WholeNumbers): Adjust | null {
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
      return toIntegers(dtype, whole);
  }
}

function toIntegers(dtype: TensorType, whole: WholeNumbers): Adjust {
  const limits = integerLimits(dtype, whole);
  return (values, count, onFault) => {
    for (let index = 0; index < count; index++) {
      const given = values[index] ?? 0;
      const value = whole.cutsFractions ? Math.trunc(given) : given;
      const fault = integerFault(value, limits);
      values[index] = fault === null ? value : 0;
      if (fault !== null) onFault(index, fault);
    }
  };
}
