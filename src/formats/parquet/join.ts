/** Joins Parquet files without decoding: column chunks are copied as they are, one footer describes them all. */
import { BugError, DataError } from "../../errors.js";
import type { ReadHandle } from "../../stores/store.js";
import { type Footer, readFooter } from "./footer.js";
import { dropFields, footerBytes, magic, mapFields, shiftFields } from "./footer-edit.js";
import { chunkFields, columnFields, fileFields, rowGroupFields } from "./footer-fields.js";
import { type ThriftStruct, wire } from "./thrift.js";
import { encodeThrift } from "./thrift-encode.js";

const copyBytes = 8 * 1024 * 1024;

/** Page indexes and bloom filters lie behind the data and are left out; ordinals would have to be numbered again. */
const bloomFilterIds: ReadonlySet<number> = new Set([14, 15]);
const pageIndexIds: ReadonlySet<number> = new Set([4, 5, 6, 7]);
const ordinalIds: ReadonlySet<number> = new Set([rowGroupFields.ordinal]);

const groupOffsetIds: ReadonlySet<number> = new Set([rowGroupFields.fileOffset]);
const chunkOffsetIds: ReadonlySet<number> = new Set([chunkFields.fileOffset]);
const pageOffsetIds: ReadonlySet<number> = new Set([
  columnFields.dataPageOffset,
  columnFields.indexPageOffset,
  columnFields.dictionaryPageOffset,
]);

type Append = (bytes: Uint8Array) => Promise<void>;

export async function joinFiles(parts: readonly ReadHandle[], append: Append): Promise<number> {
  const [first] = parts;
  if (first === undefined) throw new BugError("bug.join-nothing", "there are no files to join");
  await append(magic);
  let written = magic.byteLength;
  let model: Footer | null = null;
  let rows = 0;
  const rowGroups: ThriftStruct[] = [];
  for (const part of parts) {
    const footer = await readFooter(part);
    model ??= footer;
    checkSame(model, footer, first.path, part.path);
    const end = dataEnd(footer);
    await copy(part, magic.byteLength, end, append);
    const shift = written - magic.byteLength;
    for (const group of footer.rowGroups) rowGroups.push(shiftRowGroup(group.describe().root, shift));
    written += end - magic.byteLength;
    rows += footer.rows;
  }
  if (model !== null) await append(footerBytes(joinedFooter(model.root, rows, rowGroups)));
  return rows;
}

function dataEnd(footer: Footer): number {
  return footer.rowGroups.reduce((last, { end }) => Math.max(last, end), magic.byteLength);
}

async function copy(part: ReadHandle, start: number, end: number, append: Append): Promise<void> {
  for (let at = start; at < end; at += copyBytes)
    await append(await part.read(at, Math.min(end, at + copyBytes)));
}

/** Schemas are compared as written: names, types, nullability, annotations; and Arrow's own copy of them. */
function checkSame(model: Footer, footer: Footer, firstPath: string, path: string): void {
  if (schemaBytes(model.root).equals(schemaBytes(footer.root))) return;
  throw new DataError("data.join-schema", `${path} cannot be joined to ${firstPath}: their schemas differ`, {
    details: { file: path, other: firstPath },
  });
}

function schemaBytes(root: ThriftStruct): Buffer {
  const wanted: readonly number[] = [fileFields.schema, fileFields.keyValues];
  return Buffer.from(encodeThrift({ fields: root.fields.filter((field) => wanted.includes(field.id)) }));
}

function shiftRowGroup(group: ThriftStruct, shift: number): ThriftStruct {
  const placed = shiftFields(dropFields(group, ordinalIds), groupOffsetIds, shift);
  return mapFields(placed, rowGroupFields.columns, (chunk) =>
    mapFields(
      shiftFields(dropFields(chunk, pageIndexIds), chunkOffsetIds, shift),
      chunkFields.metadata,
      (column) => shiftFields(dropFields(column, bloomFilterIds), pageOffsetIds, shift),
    ),
  );
}

function joinedFooter(model: ThriftStruct, rows: number, rowGroups: readonly ThriftStruct[]): ThriftStruct {
  return {
    fields: model.fields.map((field) => {
      if (field.id === fileFields.rows) return { ...field, value: rows };
      if (field.id !== fileFields.rowGroups) return field;
      return { ...field, value: { elementType: wire.struct, items: rowGroups } };
    }),
  };
}
