/**
 * Arrow's writers leave their schema in a footer; the decoder follows it where Parquet's own types say less:
 * dictionaries, time zones, fixed-size lists. An excerpt carries such a hint too, with types of our choosing.
 */
import { type Field, RecordBatchStreamWriter, Schema, Timestamp, TimeUnit } from "apache-arrow";
import { type Footer, fileFields, physicalTypes } from "./footer.js";
import { structsField, type ThriftField, type ThriftStruct, textField, wire } from "./thrift.js";

const hintKey = "ARROW:schema";
/** What closes an Arrow stream; a hint is the stream's first message only. */
const endOfStreamBytes = 8;

/** Without need none is given: the decoder then does what Parquet's types say. */
export function needsHint(footer: Footer): boolean {
  return isHinted(footer) || int96Columns(footer).size > 0;
}

/**
 * INT96 timestamps, which Spark and Impala write, are decoded as nanoseconds by default, and wrap silently outside the
 * years 1677 to 2262: 9999-12-31 is a favourite there. Microseconds reach far enough. A hint in the file stands.
 */
export function widenInt96(footer: Footer, fields: readonly Field[]): readonly Field[] {
  if (isHinted(footer)) return fields;
  const columns = int96Columns(footer);
  return fields.map((field) =>
    columns.has(field.name) ? field.clone({ type: new Timestamp(TimeUnit.MICROSECOND, null) }) : field,
  );
}

/** The hint as a footer's list of key and value pairs. */
export function hintPairs(fields: readonly Field[]): ThriftField {
  const pair: ThriftStruct = { fields: [text(1, hintKey), text(2, schemaMessage(fields))] };
  return { id: fileFields.keyValues, type: wire.list, value: { elementType: wire.struct, items: [pair] } };
}

function isHinted(footer: Footer): boolean {
  return structsField(footer.root, fileFields.keyValues).some((pair) => textField(pair, 1) === hintKey);
}

function int96Columns({ leaves }: Footer): ReadonlySet<string> {
  const int96 = leaves.filter((leaf) => leaf.flat && leaf.physicalType === physicalTypes.int96);
  return new Set(int96.map((leaf) => leaf.column));
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
