/**
 * Converts doubles to integers: only whole numbers within the exact range of the column's type; `cast: lossy`
 * truncates the others.
 */
import { type Data, DataType, Precision } from "apache-arrow";
import type { TensorType } from "../../data/tensor.js";
import type { BoundColumn } from "../../mapping/mapping.js";
import type { ValueFault } from "../row-failures.js";
import { integerRange } from "../tensors/integer-range.js";

export interface WholeNumbers {
  /** `cast: lossy` allows fractions, which are truncated. */
  readonly cutsFractions: boolean;
  /** At and above this magnitude, a float represents several integers. Infinite if that does not matter. */
  readonly sureBelow: number;
}

export function wholeNumbers(data: Data, { lossy, part, map }: BoundColumn): WholeNumbers {
  const bits = lossy || part !== null || map !== null ? null : floatBits(data);
  return { cutsFractions: lossy, sureBelow: bits === null ? Number.POSITIVE_INFINITY : 2 ** bits };
}

/** Bits of the integers that a float column can represent without gaps; `null` for other columns. */
export function floatBits({ type }: Data): number | null {
  const values = DataType.isDictionary(type) ? type.dictionary : type;
  if (!DataType.isFloat(values)) return null;
  if (values.precision === Precision.HALF) return 11;
  return values.precision === Precision.SINGLE ? 24 : 53;
}

export interface IntegerLimits {
  readonly min: number;
  readonly max: number;
  /** The upper bound of 64 bits is itself out of range. */
  readonly isWide: boolean;
  readonly sureBelow: number;
}

export function integerLimits(type: TensorType, { sureBelow }: WholeNumbers): IntegerLimits {
  return { ...integerRange(type), isWide: type === "int64" || type === "uint64", sureBelow };
}

/** Returns why a number is not an integer within the limits; `null` if it is one. */
export function integerFault(
  value: number,
  { min, max, isWide, sureBelow }: IntegerLimits,
): ValueFault | null {
  if (!(value >= min && (isWide ? value < max : value <= max))) return "cast_overflow";
  return Number.isInteger(value) && Math.abs(value) < sureBelow ? null : "cast_inexact";
}
