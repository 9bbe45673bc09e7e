/**
 * INT96 timestamps, which Spark and Impala write. Decoded as nanoseconds, which is what a decoder does that is not told
 * better, they wrap silently outside the years 1677 to 2262, and 9999-12-31 is a favourite of theirs. Microseconds reach
 * far enough: the decoder is told so by the hint that Arrow's own writers leave in a footer.
 */
import { type Field, RecordBatchStreamWriter, Schema, Timestamp, TimeUnit } from "apache-arrow";
import { type Footer, fileFields, physicalTypes } from "./footer.js";
import { structsField, type ThriftField, type ThriftStruct, textField, wire } from "./thrift.js";

const hintKey = "ARROW:schema";
/** What closes an Arrow stream; a hint is the stream's first message only. */
const endOfStreamBytes = 8;

/** A footer with a hint where its INT96 columns need one, else `null`. A hint that is there already stands. */
export function hintInt96(footer: Footer, fields: readonly Field[]): ThriftStruct | null {
  const columns = new Set(
    footer.leaves
      .filter((leaf) => leaf.flat && leaf.physicalType === physicalTypes.int96)
      .map((leaf) => leaf.column),
  );
  const pairs = structsField(footer.root, fileFields.keyValues);
  if (columns.size === 0 || pairs.some((pair) => textField(pair, 1) === hintKey)) return null;
  const hinted = fields.map((field) =>
    columns.has(field.name) ? field.clone({ type: new Timestamp(TimeUnit.MICROSECOND, null) }) : field,
  );
  return withPair(footer.root, pairs, { fields: [text(1, hintKey), text(2, schemaMessage(hinted))] });
}

function schemaMessage(fields: Field[]): string {
  const stream = new RecordBatchStreamWriter();
  stream.reset(undefined, new Schema(fields));
  stream.finish();
  return Buffer.from(stream.toUint8Array(true)).subarray(0, -endOfStreamBytes).toString("base64");
}

function withPair(root: ThriftStruct, pairs: readonly ThriftStruct[], pair: ThriftStruct): ThriftStruct {
  const list: ThriftField = {
    id: fileFields.keyValues,
    type: wire.list,
    value: { elementType: wire.struct, items: [...pairs, pair] },
  };
  const others = root.fields.filter((field) => field.id !== fileFields.keyValues);
  return { fields: [...others, list].sort((a, b) => a.id - b.id) };
}

function text(id: number, value: string): ThriftField {
  return { id, type: wire.binary, value: new Uint8Array(Buffer.from(value)) };
}
