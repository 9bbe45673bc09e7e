/**
 * Attributes of nodes. They are kept as bytes and decoded on demand: decoded, the attributes of a large
 * forest take over ten times their size, and only a few of them (class labels) are ever read.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import {
  type AttributeProto,
  AttributeProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataType,
} from "#onnx-proto";

const nameField = 1;
/**
 * `t`, `g`, `tensors`, `graphs`, `sparse_tensor`, `sparse_tensors`: tensors, or graphs that may contain some.
 */
const tensorFields: ReadonlySet<number> = new Set([5, 6, 10, 11, 22, 23]);

/** Returns the attribute of that name, or `null`. */
export function attribute(node: NodeProto, name: string): AttributeProto | null {
  for (const bytes of node.attribute)
    if (nameOf(bytes) === name) return fromBinary(AttributeProtoSchema, bytes);
  return null;
}

/** The names of a node's attributes. */
export function attributeNames(node: NodeProto): readonly string[] {
  return node.attribute.map(nameOf);
}

/** Returns the attributes that contain tensors or graphs. */
export function attributesWithTensors(node: NodeProto): readonly AttributeProto[] {
  return node.attribute.filter(holdsTensors).map((bytes) => fromBinary(AttributeProtoSchema, bytes));
}

/** Returns a string attribute; `null` if the node has none of that name. */
export function textOf(node: NodeProto, name: string): string | null {
  const value = attribute(node, name)?.s;
  return value === undefined ? null : text.decode(value);
}

/**
 * Returns the class labels of a classifier or ZipMap, from the attribute for strings or the one for integers;
 * `null` if it has neither.
 */
export function classLabels(node: NodeProto): readonly (string | number)[] | null {
  const strings = attribute(node, "classlabels_strings")?.strings ?? [];
  if (strings.length > 0) return strings.map((bytes) => text.decode(bytes));
  const integers = attribute(node, "classlabels_int64s") ?? attribute(node, "classlabels_ints");
  return integers !== null && integers.ints.length > 0 ? integers.ints.map(integerLabel) : null;
}

/**
 * Returns the class labels in a one-dimensional tensor of the graph; `null` for types that no exporter uses.
 */
export function labelsInTensor(tensor: TensorProto): readonly (string | number)[] | null {
  if (tensor.stringData.length > 0) return tensor.stringData.map((bytes) => text.decode(bytes));
  if (tensor.int64Data.length > 0) return tensor.int64Data.map(integerLabel);
  if (tensor.int32Data.length > 0) return tensor.int32Data;
  const raw = tensor.rawData;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  if (tensor.dataType === TensorProto_DataType.INT64 && raw.length > 0)
    return Array.from({ length: raw.length / 8 }, (_, i) => integerLabel(view.getBigInt64(i * 8, true)));
  if (tensor.dataType === TensorProto_DataType.INT32 && raw.length > 0)
    return Array.from({ length: raw.length / 4 }, (_, i) => view.getInt32(i * 4, true));
  return null;
}

const text = new TextDecoder("utf-8", { ignoreBOM: true });

/** Returns the numbers of a small tensor of the graph; `null` for other types, and for a large one. */
export function numbersInTensor(tensor: TensorProto): readonly number[] | null {
  const count = tensor.dims.reduce((product, size) => product * Number(size), 1);
  if (count > largestConstant) return null;
  if (tensor.floatData.length > 0) return tensor.floatData;
  if (tensor.doubleData.length > 0) return tensor.doubleData;
  const raw = tensor.rawData;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  if (tensor.dataType === TensorProto_DataType.FLOAT && raw.length === count * 4)
    return Array.from({ length: count }, (_, i) => view.getFloat32(i * 4, true));
  if (tensor.dataType === TensorProto_DataType.DOUBLE && raw.length === count * 8)
    return Array.from({ length: count }, (_, i) => view.getFloat64(i * 8, true));
  const integers = labelsInTensor(tensor);
  return integers?.every((value) => typeof value === "number") === true ? integers : null;
}

/** Maximum number of elements; the factors or offsets of classifiers have one for each class. */
const largestConstant = 65_536;

/** Returns a number if it is exact, else a string of digits. */
function integerLabel(value: bigint): string | number {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function nameOf(bytes: Uint8Array): string {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === ((nameField << 3) | WireType.LengthDelimited)) return reader.string();
    skip(reader, bytes, tag);
  }
  return "";
}

function holdsTensors(bytes: Uint8Array): boolean {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tensorFields.has(tag >>> 3)) return true;
    skip(reader, bytes, tag);
  }
  return false;
}

/**
 * Skips a field. The reader's own `skip` creates a view of the field, which is ten times slower for the 36
 * million numbers of a forest.
 */
function skip(reader: BinaryReader, bytes: Uint8Array, tag: number): void {
  switch (tag & 7) {
    case WireType.Varint:
      while ((bytes[reader.pos++] ?? 0) >= 0x80);
      break;
    case WireType.LengthDelimited: {
      const length = reader.uint32();
      reader.pos += length;
      break;
    }
    case WireType.Bit32:
      reader.pos += 4;
      break;
    case WireType.Bit64:
      reader.pos += 8;
      break;
    default:
      reader.skip(tag & 7, tag >>> 3);
  }
}

const floatsField = 7;
const intsField = 8;
const stringsField = 9;

/**
 * Returns the numbers of a list attribute, `null` if the node has none of that name. Integers beyond 2^53
 * lose digits. Much faster than the generated decoder, which creates a BigInt for every integer of a forest.
 */
export function numbersOf(node: NodeProto, name: string): Float64Array | null {
  const bytes = bytesOf(node, name);
  if (bytes === null) return null;
  let numbers = new Float64Array(1024);
  let count = 0;
  const push = (value: number): void => {
    if (count === numbers.length) {
      const grown = new Float64Array(count * 2);
      grown.set(numbers);
      numbers = grown;
    }
    numbers[count++] = value;
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const isList = (tag & 7) === WireType.LengthDelimited;
    if (tag >>> 3 === floatsField) {
      const end = isList ? listEnd(reader) : reader.pos + 4;
      for (; reader.pos < end; reader.pos += 4) push(view.getFloat32(reader.pos, true));
    } else if (tag >>> 3 === intsField) {
      const end = isList ? listEnd(reader) : reader.pos + 1;
      while (reader.pos < end) push(varint(reader, bytes));
    } else skip(reader, bytes, tag);
  }
  return numbers.subarray(0, count);
}

/** Returns the strings of a list attribute, which are ASCII. Empty if the node has none of that name. */
export function asciiOf(node: NodeProto, name: string): readonly string[] {
  const bytes = bytesOf(node, name) ?? new Uint8Array(0);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings: string[] = [];
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag !== ((stringsField << 3) | WireType.LengthDelimited)) skip(reader, bytes, tag);
    else {
      const end = listEnd(reader);
      strings.push(buffer.toString("latin1", reader.pos, end));
      reader.pos = end;
    }
  }
  return strings;
}

/** Checks the length, because one beyond the attribute's end would yield billions of wrong numbers. */
function listEnd(reader: BinaryReader): number {
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new RangeError("an attribute is longer than its bytes");
  return end;
}

function bytesOf(node: NodeProto, name: string): Uint8Array | null {
  return node.attribute.find((attribute) => nameOf(attribute) === name) ?? null;
}

function varint(reader: BinaryReader, bytes: Uint8Array): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[reader.pos++] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
}
