/** Quarantined rows as a table: the key, where the row came from, and why it could not be scored. */
import {
  type Data,
  Field,
  Int64,
  makeData,
  makeVector,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import type { QuarantinedRows } from "../data/chunk.js";

const ownColumns = ["file", "row_number", "reason", "message"];

/** Columns: the key's, then `file`, `row_number` (zero-based), `reason`, `message`. */
export function quarantineBatch(rows: QuarantinedRows): RecordBatch {
  const key = rows.key?.schema.fields ?? [];
  const strings = (values: readonly string[]) => vectorFromArray(values, new Utf8());
  const own: readonly Vector[] = [
    strings(rows.rowNumbers.map(() => rows.file)),
    makeVector(BigInt64Array.from(rows.rowNumbers, BigInt)),
    strings(rows.reasons),
    strings(rows.messages),
  ];
  const fields = [
    ...key.map((field) => field.clone({ name: freeName(field.name) })),
    ...ownColumns.map((name) => new Field(name, name === "row_number" ? new Int64() : new Utf8(), false)),
  ];
  const children: Data[] = [...(rows.key?.data.children ?? []), ...own.flatMap((vector) => vector.data)];
  const length = rows.rowNumbers.length;
  return new RecordBatch(
    new Schema(fields),
    makeData({ type: new Struct(fields), length, nullCount: 0, children }),
  );
}

/** Returns a free name for a key column that is named like one of Nightshift's columns. */
function freeName(name: string): string {
  return ownColumns.includes(name) ? `key_${name}` : name;
}
