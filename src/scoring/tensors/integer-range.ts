import type { TensorType } from "../../data/tensor.js";

/** Returns the range of an integer tensor as doubles: exact up to 32 bits; for 64 bits, the rounded bound. */
export function integerRange(type: TensorType): { readonly min: number; readonly max: number } {
  switch (type) {
    case "bool":
      return { min: 0, max: 1 };
    case "int8":
      return { min: -(2 ** 7), max: 2 ** 7 - 1 };
    case "int16":
      return { min: -(2 ** 15), max: 2 ** 15 - 1 };
    case "int32":
      return { min: -(2 ** 31), max: 2 ** 31 - 1 };
    case "uint8":
      return { min: 0, max: 2 ** 8 - 1 };
    case "uint16":
      return { min: 0, max: 2 ** 16 - 1 };
    case "uint32":
      return { min: 0, max: 2 ** 32 - 1 };
    case "uint64":
      return { min: 0, max: 2 ** 64 };
    default:
      return { min: -(2 ** 63), max: 2 ** 63 };
  }
}
