/**
 * Arrow's writers leave their schema in a footer; the decoder follows it where Parquet's own types say less:
 * dictionaries, time zones, fixed-size lists. An excerpt carries such a hint too, with types of our choosing.
 */
import {
  type DataType,
  type Field,
  List,
  Map_,
  RecordBatchReader,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Timestamp,
  TimeUnit,
} from "apache-arrow";
import type { FileColumn, Footer, Leaf } from "./footer.js";
import { fileFields, physicalTypes } from "./footer-fields.js";
import { structsField, type ThriftField, type ThriftStruct, textField, wire } from "./thrift.js";

const hintKey = "ARROW:schema";
/** What closes an Arrow stream; a hint is the stream's first message only. */
const endOfStreamBytes = 8;

/** Without need none is given: the decoder then does what Parquet's types say. */
export function needsHint(footer: Footer): boolean {
  return isHinted(footer) || footer.leaves.some(isInt96);
}

/**
 * INT96 timestamps, which Spark and Impala write, are decoded as nanoseconds by default, and wrap silently outside the
 * years 1677 to 2262: 9999-12-31 is a favourite there. Microseconds reach far enough, at any depth. A hint in the file
 * stands.
 */
export function widenInt96(footer: Footer, { leafStart, leafEnd }: FileColumn, field: Field): Field {
  const leaves = footer.leaves.slice(leafStart, leafEnd);
  return isHinted(footer) || !leaves.some(isInt96) ? field : widen(field, leaves[Symbol.iterator]());
}

/** @param leaves those of the field, in the order of Parquet's schema, which is that of Arrow's children */
function widen(field: Field, leaves: Iterator<Leaf, undefined>): Field {
  const children: readonly Field[] = field.type.children ?? [];
  if (children.length > 0)
    return field.clone({
      type: withChildren(
        field.type,
        children.map((child) => widen(child, leaves)),
      ),
    });
  const leaf = leaves.next().value;
  return leaf !== undefined && isInt96(leaf)
    ? field.clone({ type: new Timestamp(TimeUnit.MICROSECOND, null) })
    : field;
}

/** Without a hint there are no other nested types. */
function withChildren(type: DataType, children: Field[]): DataType {
  const [first] = children;
  if (first === undefined) return type;
  if (type instanceof List) return new List(first);
  return type instanceof Map_ ? new Map_(first as never, type.keysSorted) : new Struct(children);
}

function isInt96({ physicalType }: Leaf): boolean {
  return physicalType === physicalTypes.int96;
}

/** What the writer of the file left of its Arrow schema; `null` where it left none, or one that cannot be read. */
export function hintedFields(footer: Footer): readonly Field[] | null {
  const pair = structsField(footer.root, fileFields.keyValues).find((one) => textField(one, 1) === hintKey);
  const text = pair === undefined ? undefined : textField(pair, 2);
  if (text === undefined) return null;
  try {
    return RecordBatchReader.from(Buffer.from(text, "base64")).open().schema.fields;
  } catch {
    return null;
  }
}

/** The hint as a footer's list of key and value pairs. */
export function hintPairs(fields: readonly Field[]): ThriftField {
  const pair: ThriftStruct = { fields: [text(1, hintKey), text(2, schemaMessage(fields))] };
  return { id: fileFields.keyValues, type: wire.list, value: { elementType: wire.struct, items: [pair] } };
}

function isHinted(footer: Footer): boolean {
  return structsField(footer.root, fileFields.keyValues).some((pair) => textField(pair, 1) === hintKey);
}

function schemaMessage(fields: readonly Field[]): string {
  const stream = new RecordBatchStreamWriter();
  stream.reset(undefined, new Schema([...fields]));
  stream.finish();
  return Buffer.from(stream.toUint8Array(true)).subarray(0, -endOfStreamBytes).toString("base64");
}

function text(id: number, value: string): ThriftField {
  return { id, type: wire.binary, value: new Uint8Array(Buffer.from(value)) };
}
