/** Small ONNX models, built with the messages of the runtime itself, for what no committed export shows. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  AttributeProtoSchema as attributeSchema,
  type GraphProtoSchema,
  GraphProtoSchema as graphSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  type TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "#onnx-proto";
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";

export const types = TensorProto_DataType;

type Attribute = number | bigint | string | readonly bigint[] | readonly string[] | readonly number[];

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Numbers are floats, bigints are integers. */
function attribute(name: string, value: Attribute): Uint8Array {
  return encoded({ name, ...content(value) });
}

export function encoded(init: MessageInitShape<typeof AttributeProtoSchema>): Uint8Array {
  return toBinary(attributeSchema, create(attributeSchema, init));
}

function content(value: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  const kinds = AttributeProto_AttributeType;
  if (typeof value === "bigint") return { type: kinds.INT, i: value };
  if (typeof value === "number") return { type: kinds.FLOAT, f: value };
  if (typeof value === "string") return { type: kinds.STRING, s: bytes(value) };
  const [first] = value;
  if (typeof first === "bigint") return { type: kinds.INTS, ints: value as bigint[] };
  if (typeof first === "number") return { type: kinds.FLOATS, floats: value as number[] };
  return { type: kinds.STRINGS, strings: (value as string[]).map(bytes) };
}

export interface NodeInit {
  readonly op: string;
  readonly in: readonly string[];
  readonly out: readonly string[];
  readonly ml?: boolean;
  readonly domain?: string;
  readonly with?: { readonly [attribute: string]: Attribute };
  readonly encoded?: readonly Uint8Array[];
}

export function node(init: NodeInit): NodeProto {
  return create(NodeProtoSchema, {
    opType: init.op,
    input: [...init.in],
    output: [...init.out],
    domain: init.domain ?? (init.ml === true ? "ai.onnx.ml" : ""),
    attribute: [
      ...Object.entries(init.with ?? {}).map(([name, value]) => attribute(name, value)),
      ...(init.encoded ?? []),
    ],
  });
}

/** `null` as shape: no rank. A dimension of `null` is unknown, a string symbolic. */
export function value(
  name: string,
  type: number,
  shape: readonly (number | string | null)[] | null,
): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: "tensorType",
        value: {
          elemType: type,
          ...(shape === null ? {} : { shape: { dim: shape.map(dimension) } }),
        },
      },
    },
  });
}

function dimension(size: number | string | null) {
  if (typeof size === "number") return { value: { case: "dimValue" as const, value: BigInt(size) } };
  return size === null ? {} : { value: { case: "dimParam" as const, value: size } };
}

export function typed(name: string, type: MessageInitShape<typeof TypeProtoSchema>): ValueInfoProto {
  return create(ValueInfoProtoSchema, { name, type });
}

/** What ZipMap makes: `sequence<map<int64, float32>>`. */
export function maps(name: string): ValueInfoProto {
  return typed(name, {
    value: {
      case: "sequenceType",
      value: {
        elemType: {
          value: {
            case: "mapType",
            value: {
              keyType: types.INT64,
              valueType: { value: { case: "tensorType", value: { elemType: types.FLOAT } } },
            },
          },
        },
      },
    },
  });
}

export function floats(name: string, dims: readonly number[], data: readonly number[]) {
  return create(TensorProtoSchema, {
    name,
    dataType: types.FLOAT,
    dims: dims.map(BigInt),
    rawData: new Uint8Array(Float32Array.from(data).buffer),
  });
}

export function integers(name: string, data: readonly bigint[]) {
  return create(TensorProtoSchema, {
    name,
    dataType: types.INT64,
    dims: [BigInt(data.length)],
    int64Data: [...data],
  });
}

export function texts(name: string, data: readonly string[]) {
  return create(TensorProtoSchema, {
    name,
    dataType: types.STRING,
    dims: [BigInt(data.length)],
    stringData: data.map(bytes),
  });
}

export function external(name: string, dims: readonly number[], location: string, offset?: number) {
  return create(TensorProtoSchema, {
    name,
    dataType: types.FLOAT,
    dims: dims.map(BigInt),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: "location", value: location },
      ...(offset === undefined ? [] : [{ key: "offset", value: String(offset) }]),
    ],
  });
}

export function graph(init: MessageInitShape<typeof GraphProtoSchema>) {
  return create(graphSchema, { name: "graph", ...init });
}

export function model(
  init: MessageInitShape<typeof GraphProtoSchema>,
  rest: MessageInitShape<typeof ModelProtoSchema> = {},
): OnnxModel {
  const built = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [
      { domain: "", version: 13n },
      { domain: "ai.onnx.ml", version: 2n },
    ],
    ...rest,
  });
  return Object.assign(built, { graph: graph(init) });
}

export function modelBytes(built: OnnxModel): Uint8Array {
  return toBinary(ModelProtoSchema, built);
}

/** `y = x`, for any type and shape. */
export function identity(type: number, shape: readonly (number | string | null)[] | null): OnnxModel {
  return model({
    node: [node({ op: "Identity", in: ["x"], out: ["y"] })],
    input: [value("x", type, shape)],
    output: [value("y", type, shape)],
  });
}
