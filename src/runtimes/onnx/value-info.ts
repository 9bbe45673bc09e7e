/** Reads element types and shapes of a graph's inputs and outputs. */

import {
  TensorProto_DataType as DataType,
  type TensorShapeProto,
  type TypeProto,
  type ValueInfoProto,
} from "#onnx-proto";
import type { Dimension, TensorType } from "../../data/tensor.js";
import { ModelError } from "../../errors.js";

/** A tensor as declared; dimension 0 is as in the file. */
export interface DeclaredTensor {
  readonly type: TensorType;
  readonly shape: readonly Dimension[] | null;
}

const tensorTypes: ReadonlyMap<number, TensorType> = new Map([
  [DataType.FLOAT, "float32"],
  [DataType.DOUBLE, "float64"],
  [DataType.FLOAT16, "float16"],
  [DataType.INT8, "int8"],
  [DataType.INT16, "int16"],
  [DataType.INT32, "int32"],
  [DataType.INT64, "int64"],
  [DataType.UINT8, "uint8"],
  [DataType.UINT16, "uint16"],
  [DataType.UINT32, "uint32"],
  [DataType.UINT64, "uint64"],
  [DataType.BOOL, "bool"],
  [DataType.STRING, "string"],
]);

const typeNames: ReadonlyMap<number, string> = new Map(
  Object.entries(DataType).map(([name, value]) => [
    value as number,
    tensorTypes.get(value as number) ?? name.toLowerCase(),
  ]),
);

/** Returns `null` if the value is not a tensor, or has a type that no column can have. */
export function declaredTensor(info: ValueInfoProto): DeclaredTensor | null {
  const value = info.type?.value;
  if (value?.case !== "tensorType") return null;
  const type = tensorTypes.get(value.value.elemType);
  return type === undefined ? null : { type, shape: dimensions(value.value.shape) };
}

/** @throws ModelError `model.unsupported-input` */
export function declaredInput(info: ValueInfoProto, path: string): DeclaredTensor {
  const tensor = declaredTensor(info);
  const declared = describeType(info.type);
  if (tensor === null)
    throw new ModelError(
      "model.unsupported-input",
      `${path}: input "${info.name}" is of type ${declared}, and only tensors of numbers, booleans and strings can be filled from columns`,
      {
        hint: "Export the model with tensor inputs, one per column or one matrix.",
        details: { model: path, input: info.name, type: declared },
      },
    );
  if (tensor.shape?.length === 0)
    throw new ModelError(
      "model.unsupported-input",
      `${path}: input "${info.name}" is a scalar: it has no dimension that rows could go along`,
      {
        hint: "Export the model with this value as a constant, or with a first dimension for the batch.",
        details: { model: path, input: info.name, type: declared },
      },
    );
  return tensor;
}

/** Formats a type: `float32`, `sequence<map<int64, float32>>`. */
export function describeType(type: TypeProto | undefined): string {
  const value = type?.value;
  switch (value?.case) {
    case "tensorType":
      return elementName(value.value.elemType);
    case "sparseTensorType":
      return `sparse<${elementName(value.value.elemType)}>`;
    case "sequenceType":
      return `sequence<${describeType(value.value.elemType)}>`;
    case "optionalType":
      return `optional<${describeType(value.value.elemType)}>`;
    case "mapType":
      return `map<${elementName(value.value.keyType)}, ${describeType(value.value.valueType)}>`;
    default:
      return "unknown";
  }
}

function elementName(elementType: number): string {
  return typeNames.get(elementType) ?? `type ${elementType}`;
}

/** A size of 0 or less and an empty name mean an unknown size. */
function dimensions(shape: TensorShapeProto | undefined): readonly Dimension[] | null {
  if (shape === undefined) return null;
  return shape.dim.map(({ value }) => {
    if (value.case === "dimValue") return value.value > 0n ? Number(value.value) : null;
    return value.case === "dimParam" && value.value !== "" ? value.value : null;
  });
}
