/**
 * Parquet's annotations that Arrow has no types for: UUID, JSON, BSON, ENUM. The decoder drops them and the encoder writes
 * none, so they are read from the schema's elements, and put into those of a finished file.
 * https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 */
import type { DataType, Field, Schema } from "apache-arrow";
import { columnOf } from "../../data/arrow-types.js";
import {
  type Column,
  type ColumnType,
  type LogicalName,
  logicalName,
  withLogical,
} from "../../data/column.js";
import { trailerBytes } from "./footer-bytes.js";
import { footerBytes, mapFields } from "./footer-edit.js";
import { integerField, structField, type ThriftField, type ThriftStruct, wire } from "./thrift.js";
import { decodeThrift } from "./thrift-decode.js";

/** Of a schema's element. */
const ids = { type: 1, children: 5, converted: 6, logical: 10 } as const;
/** Of the footer. */
const schemaId = 2;

/** `logical`: field of the union LogicalType; `converted`: the older ConvertedType, `null` where it has none. */
const annotations: {
  readonly [name in LogicalName]: { readonly logical: number; readonly converted: number | null };
} = {
  enum: { logical: 4, converted: 4 },
  json: { logical: 12, converted: 19 },
  bson: { logical: 13, converted: 20 },
  uuid: { logical: 14, converted: null },
};
const convertedUtf8 = 0;
const logicalString = 1;

export function annotationOf(element: ThriftStruct): LogicalName | null {
  const logical = structField(element, ids.logical)?.fields[0]?.id;
  const converted = integerField(element, ids.converted);
  for (const [name, known] of Object.entries(annotations))
    if (
      logical === undefined
        ? converted !== undefined && known.converted === converted
        : known.logical === logical
    )
      return name as LogicalName;
  return null;
}

/** ENUM is text, and the decoder takes it for bytes. */
export function forDecoder(element: ThriftStruct): ThriftStruct {
  return annotationOf(element) === "enum" ? annotated(element, logicalString, convertedUtf8) : element;
}

/** The column's type with what its leaves' annotations say. @param leaves in the order of the schema */
export function withAnnotations(
  column: Column,
  leaves: readonly { readonly logical: LogicalName | null }[],
): Column {
  if (leaves.every(({ logical }) => logical === null)) return column;
  return { ...column, type: annotate(column.type, leaves[Symbol.iterator]()) };
}

type Leaves = Iterator<{ readonly logical: LogicalName | null }, undefined>;

function annotate(type: ColumnType, leaves: Leaves): ColumnType {
  switch (type.kind) {
    case "list":
    case "fixed-list":
      return { ...type, item: annotate(type.item, leaves) };
    case "struct":
      return {
        ...type,
        fields: type.fields.map((field) => ({ ...field, type: annotate(field.type, leaves) })),
      };
    case "map":
      return { ...type, key: annotate(type.key, leaves), value: annotate(type.value, leaves) };
    case "dictionary":
      return { ...type, value: annotate(type.value, leaves) };
    default:
      return withLogical(type, leaves.next().value?.logical);
  }
}

/** A finished file whose schema says what the columns are; the file itself where nothing is to be said. */
export function annotateFile(bytes: Uint8Array, schema: Schema): Uint8Array {
  const names = schema.fields.flatMap((field) => leafNames(columnOf(field).type, field.type));
  if (names.every((name) => name === null)) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.byteLength - trailerBytes;
  const start = end - view.getUint32(end, true);
  const left = names[Symbol.iterator]();
  const root = mapFields(decodeThrift(bytes.subarray(start, end)), schemaId, (element) => {
    if (integerField(element, ids.type) === undefined) return element;
    const name = left.next().value ?? null;
    if (name === null) return element;
    return annotated(element, annotations[name].logical, annotations[name].converted);
  });
  return new Uint8Array(Buffer.concat([bytes.subarray(0, start), footerBytes(root)]));
}

/** A name or none for each leaf. */
function leafNames(type: ColumnType, arrow: DataType): readonly (LogicalName | null)[] {
  const children: readonly Field[] = arrow.children ?? [];
  if (children.length === 0) return [logicalName(type)];
  return children.flatMap((child) => leafNames(columnOf(child).type, child.type));
}

function annotated(element: ThriftStruct, logical: number, converted: number | null): ThriftStruct {
  const kept = element.fields.filter(({ id }) => id !== ids.converted && id !== ids.logical);
  const older: readonly ThriftField[] =
    converted === null ? [] : [{ id: ids.converted, type: wire.i32, value: converted }];
  const union: ThriftStruct = { fields: [{ id: logical, type: wire.struct, value: { fields: [] } }] };
  const newer: ThriftField = { id: ids.logical, type: wire.struct, value: union };
  return { fields: [...kept, ...older, newer].sort((a, b) => a.id - b.id) };
}
