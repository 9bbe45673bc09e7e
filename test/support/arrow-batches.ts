/** Arrow batches for tests, made with Arrow's own builders. */
import {
  type Data,
  type DataType,
  Field,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  vectorFromArray,
} from "apache-arrow";

/** One column: its values (null for a null) and their Arrow type. */
export function column(type: DataType, values: readonly unknown[]): Data {
  const [data] = vectorFromArray(values, type).data;
  if (data === undefined) throw new Error("no data");
  return data;
}

export function batchOf(columns: { readonly [name: string]: Data }): RecordBatch {
  const fields = Object.entries(columns).map(([name, data]) => new Field(name, data.type, true));
  const children = Object.values(columns);
  const length = children[0]?.length ?? 0;
  return new RecordBatch(
    new Schema(fields),
    makeData({ type: new Struct(fields), length, nullCount: 0, children }),
  );
}

/** All values of a batch by column, through Arrow's IPC format: what any other reader would see. */
export function valuesThroughIpc(batch: RecordBatch): { readonly [column: string]: readonly unknown[] } {
  const table = tableFromIPC(tableToIPC(new Table(batch.schema, [batch])));
  return Object.fromEntries(
    table.schema.fields.map(({ name }) => [name, [...(table.getChild(name) ?? [])].map(plain)]),
  );
}

/** Arrow's vectors and rows as plain arrays and objects. */
export function plain(value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value !== "object") return value;
  if (value instanceof Uint8Array) return [...value];
  if (Symbol.iterator in value && !("toJSON" in value && !("length" in value)))
    return Array.from(value as Iterable<unknown>, plain);
  if ("toJSON" in value && typeof value.toJSON === "function") return plain(value.toJSON());
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}
