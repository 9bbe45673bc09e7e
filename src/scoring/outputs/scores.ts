import { halfToDouble } from "../../data/float16.js";
import type { Tensor } from "../../data/tensor.js";

/** Numbers that can be compared directly. */
export type Scores = ArrayLike<number>;

/**
 * Returns the first `count` values of a numeric tensor; values that are not JavaScript numbers are converted.
 */
export function createScores(): (tensor: Tensor, count: number) => Scores {
  let converted = new Float64Array(0);
  return ({ type, data }, count) => {
    const isHalf = type === "float16";
    if (!isHalf && !(data instanceof BigInt64Array) && !(data instanceof BigUint64Array))
      return data as Exclude<Tensor["data"], readonly string[] | BigInt64Array | BigUint64Array>;
    if (converted.length < count) converted = new Float64Array(count);
    for (let index = 0; index < count; index++) {
      const value = Number(data[index]);
      converted[index] = isHalf ? halfToDouble(value) : value;
    }
    return converted;
  };
}
