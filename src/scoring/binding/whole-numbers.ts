/** Doubles as integers: only those that are whole, and that the column's type was sure of; `cast: lossy` cuts the rest. */
import { type Data, DataType, Precision } from "apache-arrow";
import type { TensorType } from "../../data/tensor.js";
import type { BoundColumn } from "../../mapping/mapping.js";
import type { ValueFault } from "../row-failures.js";
import { integerRange } from "../tensors/integer-range.js";

export interface WholeNumbers {
  /** Fractions were allowed by `cast: lossy` and are cut off. */
  readonly cutsFractions: boolean;
  /** From this magnitude on a float stands for several integers. Infinite where that does not matter. */
  readonly sureBelow: number;
}

export function wholeNumbers(data: Data, { lossy, part, map }: BoundColumn): WholeNumbers {
  const bits = lossy || part !== null || map !== null ? null : floatBits(data);
  return { cutsFractions: lossy, sureBelow: bits === null ? Number.POSITIVE_INFINITY : 2 ** bits };
}

/** Bits of the integers that a column of floats holds without gaps; `null` for other columns. */
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

/** Why a number is no integer within the limits; `null` where it is one. */
export function integerFault(
  value: number,
  { min, max, isWide, sureBelow }: IntegerLimits,
): ValueFault | null {
  if (!(value >= min && (isWide ? value < max : value <= max))) return "cast_overflow";
  return Number.isInteger(value) && Math.abs(value) < sureBelow ? null : "cast_inexact";
}
