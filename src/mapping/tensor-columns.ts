import type { ColumnType } from "../data/column.js";
import type { TensorType } from "../data/tensor.js";

/** float16 is written as float32: few readers know halves. */
export function tensorColumnType(type: TensorType): ColumnType {
  switch (type) {
    case "string":
      return { kind: "utf8" };
    case "bool":
      return { kind: "bool" };
    case "float16":
    case "float32":
      return { kind: "float", bits: 32 };
    case "float64":
      return { kind: "float", bits: 64 };
    case "int8":
      return { kind: "int", bits: 8, signed: true };
    case "int16":
      return { kind: "int", bits: 16, signed: true };
    case "int32":
      return { kind: "int", bits: 32, signed: true };
    case "int64":
      return { kind: "int", bits: 64, signed: true };
    case "uint8":
      return { kind: "int", bits: 8, signed: false };
    case "uint16":
      return { kind: "int", bits: 16, signed: false };
    case "uint32":
      return { kind: "int", bits: 32, signed: false };
    case "uint64":
      return { kind: "int", bits: 64, signed: false };
  }
}
