/**
 * Some columns of one row group as a small Parquet file of its own, in memory, which is the decoder's only input.
 *
 * parquet-wasm's way of opening files piece by piece ends the process at the first page that is damaged or cannot be
 * read (it unwraps inside a promise); its function over bytes throws, but reads all columns. So bytes are fetched here,
 * errors of the store are the store's own, and the footer has nothing but what decoding needs: optional fields that other
 * writers leave, some of them malformed, never reach the decoder.
 */
import type { Field } from "apache-arrow";
import type { ReadHandle } from "../../stores/store.js";
import { hintPairs, needsHint } from "./arrow-hint.js";
import type { FileColumn, Footer } from "./footer.js";
import { footerBytes, keepFields, magic, shiftFields } from "./footer-edit.js";
import { columnFields, fileFields, rowGroupFields, schemaFields } from "./footer-fields.js";
import type { ColumnChunk } from "./row-group.js";
import { structsField, type ThriftField, type ThriftStruct, type ThriftValue, wire } from "./thrift.js";

/** From the type to the offsets of pages; statistics and indexes come after. */
const columnIds: ReadonlySet<number> = new Set(
  Object.values(columnFields).filter((id) => id <= columnFields.dictionaryPageOffset),
);
const offsetIds: ReadonlySet<number> = new Set([
  columnFields.dataPageOffset,
  columnFields.indexPageOffset,
  columnFields.dictionaryPageOffset,
]);

export interface Excerpt {
  /** The whole small file. */
  readonly bytes: Uint8Array;
  /** The column chunks in it, as they are in the file. */
  readonly chunks: Uint8Array;
}

/** No rows, all columns: enough to be asked for its schema. */
export function schemaExcerpt(footer: Footer): Uint8Array {
  const root = keepFields(footer.root, new Set<number>([1, fileFields.keyValues]));
  const elements = footer.columns.flatMap((column) => column.elements);
  const schema = list(fileFields.schema, [schemaRoot(footer, footer.columns.length), ...elements]);
  const empty = [number(fileFields.rows, 0), list(fileFields.rowGroups, [])];
  const fields = [...root.fields, schema, ...empty].sort((a, b) => a.id - b.id);
  return new Uint8Array(Buffer.concat([magic, footerBytes({ fields })]));
}

/** The same of one column. @param hint the type that the file's writer had for it */
export function columnSchemaExcerpt(footer: Footer, column: FileColumn, hint: Field | null): Uint8Array {
  const root = {
    fields: [
      { id: 1, type: wire.i32, value: 1 },
      list(fileFields.schema, [schemaRoot(footer, 1), ...column.elements]),
      number(fileFields.rows, 0),
      list(fileFields.rowGroups, []),
      ...(hint === null ? [] : [hintPairs([hint])]),
    ],
  };
  return new Uint8Array(Buffer.concat([magic, footerBytes(root)]));
}

/**
 * @param fields columns of the file in the order wanted, with the types to decode them to
 * @param allocate gives a buffer of that many bytes, whatever they hold
 */
export async function rowGroupExcerpt(
  handle: ReadHandle,
  footer: Footer,
  rowGroup: number,
  fields: readonly Field[],
  allocate: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
): Promise<Excerpt> {
  const group = footer.rowGroups[rowGroup];
  if (group === undefined) throw new RangeError(`there is no row group ${rowGroup}`);
  const columns = fields.map((field) => columnOf(footer, field.name));
  const described = group.describe();
  const chunks = columns.flatMap(({ leafStart, leafEnd }) => described.chunks.slice(leafStart, leafEnd));

  let at = magic.byteLength;
  const descriptions: ThriftStruct[] = [];
  const copies: Copy[] = [];
  for (const chunk of chunks) {
    descriptions.push(describeAt(chunk, at));
    const last = copies.at(-1);
    // Neighbours in the file are read in one go.
    if (last?.end === chunk.start) last.end = chunk.end;
    else copies.push({ start: chunk.start, end: chunk.end, at });
    at += chunk.end - chunk.start;
  }
  const tail = footerBytes(
    excerptFooter(footer, { columns, fields, rows: group.rows, bytes: group.bytes, descriptions }),
  );
  const bytes = allocate(at + tail.byteLength);
  bytes.set(magic);
  for (const copy of copies) await copyInto(bytes, handle, copy);
  bytes.set(tail, at);
  return { bytes, chunks: bytes.subarray(magic.byteLength, at) };
}

/** Bytes `[start, end)` of the file, and where they lie in the excerpt. */
interface Copy {
  readonly start: number;
  end: number;
  readonly at: number;
}

async function copyInto(bytes: Uint8Array, handle: ReadHandle, { start, end, at }: Copy): Promise<void> {
  const target = bytes.subarray(at, at + end - start);
  if (handle.readIntoSync !== undefined) handle.readIntoSync(start, target);
  else target.set(await handle.read(start, end));
}

function columnOf(footer: Footer, name: string): FileColumn {
  const column = footer.columns.find((candidate) => candidate.name === name);
  if (column === undefined) throw new RangeError(`there is no column "${name}"`);
  return column;
}

/** Some writers say 0 for "no dictionary page", which would be the file's magic. */
function describeAt(chunk: ColumnChunk, at: number): ThriftStruct {
  const lean = keepFields(chunk.description, columnIds);
  const present = { fields: lean.fields.filter(({ id, value }) => !offsetIds.has(id) || Number(value) > 0) };
  return shiftFields(present, offsetIds, at - chunk.start);
}

interface ExcerptParts {
  readonly columns: readonly FileColumn[];
  readonly fields: readonly Field[];
  readonly rows: number;
  readonly bytes: number;
  readonly descriptions: readonly ThriftStruct[];
}

function excerptFooter(
  footer: Footer,
  { columns, fields, rows, bytes, descriptions }: ExcerptParts,
): ThriftStruct {
  const chunks = descriptions.map((description) => ({ fields: [number(2, 0), struct(3, description)] }));
  const rowGroup = {
    fields: [
      list(rowGroupFields.columns, chunks),
      number(rowGroupFields.totalBytes, bytes),
      number(rowGroupFields.rows, rows),
    ],
  };
  return {
    fields: [
      { id: 1, type: wire.i32, value: 1 },
      list(fileFields.schema, [
        schemaRoot(footer, columns.length),
        ...columns.flatMap((column) => column.elements),
      ]),
      number(fileFields.rows, rows),
      list(fileFields.rowGroups, [rowGroup]),
      ...(needsHint(footer) ? [hintPairs(fields)] : []),
    ],
  };
}

/** The element that all columns are children of. */
function schemaRoot(footer: Footer, columns: number): ThriftStruct {
  const [root] = structsField(footer.root, fileFields.schema);
  return {
    fields: (root?.fields ?? []).map((field) =>
      field.id === schemaFields.children ? { ...field, value: columns } : field,
    ),
  };
}

function number(id: number, value: number): ThriftField {
  return { id, type: wire.i64, value };
}

function struct(id: number, value: ThriftStruct): ThriftField {
  return { id, type: wire.struct, value };
}

function list(id: number, items: readonly ThriftValue[]): ThriftField {
  return { id, type: wire.list, value: { elementType: wire.struct, items } };
}
