/** Footers changed and written: what excerpts and joined files have in common. */
import type { ThriftField, ThriftStruct, ThriftValue } from "./thrift.js";
import { encodeThrift } from "./thrift-encode.js";

export const magic = new Uint8Array(Buffer.from("PAR1"));

/** A footer as it ends a file: with its length and the closing magic. */
export function footerBytes(root: ThriftStruct): Uint8Array {
  const footer = encodeThrift(root);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, footer.byteLength, true);
  return new Uint8Array(Buffer.concat([footer, length, magic]));
}

export function keepFields(struct: ThriftStruct, ids: ReadonlySet<number>): ThriftStruct {
  return { fields: struct.fields.filter((field) => ids.has(field.id)) };
}

export function dropFields(struct: ThriftStruct, ids: ReadonlySet<number>): ThriftStruct {
  return { fields: struct.fields.filter((field) => !ids.has(field.id)) };
}

/** Adds to offsets into the file. 0 means "not there". */
export function shiftFields(struct: ThriftStruct, ids: ReadonlySet<number>, shift: number): ThriftStruct {
  const moved = (field: ThriftField): ThriftField =>
    ids.has(field.id) && typeof field.value === "number" && field.value > 0
      ? { ...field, value: field.value + shift }
      : field;
  return { fields: struct.fields.map(moved) };
}

/** Replaces the structure in a field, or each structure of the list in it. */
export function mapFields(
  struct: ThriftStruct,
  id: number,
  change: (inner: ThriftStruct) => ThriftStruct,
): ThriftStruct {
  const changed = (value: ThriftValue): ThriftValue => {
    if (typeof value !== "object" || value instanceof Uint8Array) return value;
    return "fields" in value ? change(value) : { ...value, items: value.items.map(changed) };
  };
  const replace = (field: ThriftField): ThriftField =>
    field.id === id ? { ...field, value: changed(field.value) } : field;
  return { fields: struct.fields.map(replace) };
}
