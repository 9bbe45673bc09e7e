/** A footer cut down to what decoding needs: schema, row groups, where the pages are. */
import { chunkFields, columnFields, fileFields, rowGroupFields } from "./footer.js";
import type { ThriftField, ThriftStruct, ThriftValue } from "./thrift.js";
import { encodeThrift } from "./thrift-encode.js";

const versionField = 1;
const kept = {
  file: new Set<number>([versionField, ...Object.values(fileFields)]),
  rowGroup: new Set<number>([rowGroupFields.columns, rowGroupFields.totalBytes, rowGroupFields.rows]),
  chunk: new Set<number>([chunkFields.fileOffset, chunkFields.metadata]),
  column: new Set<number>(
    Object.values(columnFields).filter((id) => id <= columnFields.dictionaryPageOffset),
  ),
};

/** The new footer with its length and the closing magic. */
export function leanFooter(root: ThriftStruct): Uint8Array {
  return withTrailer(
    encodeThrift(
      mapFields(keep(root, kept.file), fileFields.rowGroups, (group) =>
        mapFields(keep(group, kept.rowGroup), rowGroupFields.columns, (chunk) =>
          mapFields(keep(chunk, kept.chunk), chunkFields.metadata, leanColumn),
        ),
      ),
    ),
  );
}

/** Some writers say 0 for "no dictionary page", which would be the file's magic. */
function leanColumn(column: ThriftStruct): ThriftStruct {
  const lean = keep(column, kept.column);
  return {
    fields: lean.fields.filter(({ id, value }) => id !== columnFields.dictionaryPageOffset || value !== 0),
  };
}

export function withTrailer(footer: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(footer.byteLength + 8);
  bytes.set(footer);
  new DataView(bytes.buffer).setUint32(footer.byteLength, footer.byteLength, true);
  bytes.set(Buffer.from("PAR1"), footer.byteLength + 4);
  return bytes;
}

function keep(struct: ThriftStruct, ids: ReadonlySet<number>): ThriftStruct {
  return { fields: struct.fields.filter((field) => ids.has(field.id)) };
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
