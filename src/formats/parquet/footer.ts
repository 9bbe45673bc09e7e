/** A file's footer: located, checked, and parsed as a tree, with types for the few fields that are used here. */
import { createHash } from "node:crypto";
import type { LogicalName } from "../../data/column.js";
import type { ReadHandle } from "../../stores/store.js";
import { annotationOf, forDecoder } from "./annotations.js";
import { corrupt, readFooterBytes, trailerBytes } from "./footer-bytes.js";
import {
  bytesField,
  integerField,
  itemsField,
  structField,
  structsField,
  ThriftError,
  type ThriftStruct,
  type ThriftValue,
  textField,
} from "./thrift.js";
import { decodeThrift } from "./thrift-decode.js";

/** Field ids of parquet.thrift. https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift */
export const fileFields = { schema: 2, rows: 3, rowGroups: 4, keyValues: 5, createdBy: 6 } as const;
export const schemaFields = {
  type: 1,
  typeLength: 2,
  name: 4,
  children: 5,
  converted: 6,
  logical: 10,
} as const;
export const rowGroupFields = { columns: 1, totalBytes: 2, rows: 3, fileOffset: 5, ordinal: 7 } as const;
export const chunkFields = { filePath: 1, fileOffset: 2, metadata: 3, encryption: 8 } as const;
export const columnFields = {
  type: 1,
  encodings: 2,
  path: 3,
  codec: 4,
  values: 5,
  uncompressedBytes: 6,
  compressedBytes: 7,
  dataPageOffset: 9,
  indexPageOffset: 10,
  dictionaryPageOffset: 11,
  statistics: 12,
  sizeStatistics: 16,
} as const;

/** Parquet's `Type`. */
export const physicalTypes = {
  boolean: 0,
  int32: 1,
  int64: 2,
  int96: 3,
  float: 4,
  double: 5,
  bytes: 6,
  fixedBytes: 7,
} as const;

export interface Footer {
  readonly root: ThriftStruct;
  readonly sha256: string;
  /** Where its Thrift bytes start in the file: data lies before. */
  readonly start: number;
  readonly rows: number;
  /** Top-level columns in file order. */
  readonly columns: readonly FileColumn[];
  /** Leaf columns in file order. */
  readonly leaves: readonly Leaf[];
  readonly rowGroups: readonly RowGroup[];
  /** Top-level columns of which a chunk is encrypted. The footer itself is not. */
  readonly encrypted: ReadonlySet<string>;
  readonly metadata: { readonly [key: string]: string };
}

export interface FileColumn {
  readonly name: string;
  /** The column's own element of the schema and those below it, as the decoder is to see them. */
  readonly elements: readonly ThriftStruct[];
  /** End-exclusive range among the leaves. */
  readonly leafStart: number;
  readonly leafEnd: number;
}

export interface Leaf {
  /** Top-level column that it belongs to. */
  readonly column: string;
  /** True where the leaf is the whole column. */
  readonly flat: boolean;
  /** One of {@link physicalTypes}. */
  readonly physicalType: number;
  /** Bytes of a value of FIXED_LEN_BYTE_ARRAY. */
  readonly typeLength: number;
  /** What its annotation says beyond Arrow's types. */
  readonly logical: LogicalName | null;
}

export interface RowGroup {
  readonly rows: number;
  /** Encoded, uncompressed. */
  readonly bytes: number;
  /** Where the last of its data ends in the file. */
  readonly end: number;
  /** Positions of leaves whose chunks are encrypted. */
  readonly encrypted: readonly number[];
  /** What the footer says of it, made sense of anew each time: of all row groups at once it takes a lot of memory. */
  describe(): RowGroupDescription;
}

export interface RowGroupDescription {
  readonly root: ThriftStruct;
  /** Parallel to the leaves. */
  readonly chunks: readonly ColumnChunk[];
}

export interface ColumnChunk {
  /** The chunk's description, as it is in the footer. */
  readonly description: ThriftStruct;
  /** At least the rows of the group: a chunk that tells fewer would decode to more than was estimated. */
  readonly values: number;
  readonly isEncrypted: boolean;
  readonly dictionaryEncoded: boolean;
  readonly uncompressedBytes: number;
  readonly compressedBytes: number;
  /** End-exclusive range in the file. */
  readonly start: number;
  readonly end: number;
  readonly statistics: ThriftStruct | undefined;
  /** Bytes of all strings without their lengths, where the writer left that. */
  readonly stringBytes: number | undefined;
}

const maxSchemaDepth = 64;

/**
 * @param known footers that were read before: one of the same bytes in the same place is taken as it is
 * @throws DataError `data.corrupt`, `data.unsupported`
 */
export async function readFooter(file: ReadHandle, known: readonly Footer[] = []): Promise<Footer> {
  const bytes = await readFooterBytes(file);
  const start = file.size - trailerBytes - bytes.byteLength;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const same = known.find((footer) => footer.sha256 === sha256 && footer.start === start);
  if (same !== undefined) return same;
  try {
    return parseFooter(bytes, start, sha256);
  } catch (error) {
    if (error instanceof ThriftError)
      throw corrupt(file.path, `its footer is broken: ${error.message}`, error);
    throw error;
  }
}

function parseFooter(bytes: Uint8Array, start: number, sha256: string): Footer {
  const root = decodeThrift(bytes, fileFields.rowGroups);
  const { columns, leaves } = parseSchema(structsField(root, fileFields.schema));
  const rowGroups = itemsField(root, fileFields.rowGroups).map((group, index) =>
    parseRowGroup(group, index, leaves.length, start),
  );
  const rows = count(root, fileFields.rows, "rows");
  const counted = rowGroups.reduce((sum, group) => sum + group.rows, 0);
  if (rows !== counted) throw new ThriftError(`it claims ${rows} rows, its row groups ${counted}`);
  const encrypted = new Set(
    rowGroups.flatMap((group) => group.encrypted.flatMap((leaf) => leaves[leaf]?.column ?? [])),
  );
  return { root, sha256, start, rows, columns, leaves, rowGroups, encrypted, metadata: parseMetadata(root) };
}

/** The schema is a tree in depth-first order; its first element is the root. */
function parseSchema(elements: readonly ThriftStruct[]): Pick<Footer, "columns" | "leaves"> {
  const columns: FileColumn[] = [];
  const leaves: Leaf[] = [];
  let next = 1;
  const visit = (column: string | null, depth: number): string => {
    const element = elements[next++];
    if (element === undefined || depth > maxSchemaDepth) throw new ThriftError("its schema is not a tree");
    const name = column ?? textField(element, schemaFields.name) ?? "";
    const children = integerField(element, schemaFields.children) ?? 0;
    if (children === 0) leaves.push(parseLeaf(element, name, depth === 0));
    for (let i = 0; i < children; i++) visit(name, depth + 1);
    return name;
  };
  while (next < elements.length) {
    const [first, leafStart] = [next, leaves.length];
    const name = visit(null, 0);
    const own = elements.slice(first, next).map(forDecoder);
    columns.push({ name, elements: own, leafStart, leafEnd: leaves.length });
  }
  return { columns, leaves };
}

function parseLeaf(element: ThriftStruct, column: string, flat: boolean): Leaf {
  return {
    column,
    flat,
    physicalType: integerField(element, schemaFields.type) ?? -1,
    typeLength: integerField(element, schemaFields.typeLength) ?? 0,
    logical: annotationOf(element),
  };
}

/** Everything about it is checked here, so that nothing about it can be wrong later. */
function parseRowGroup(bytes: ThriftValue, index: number, leaves: number, dataEnd: number): RowGroup {
  if (!(bytes instanceof Uint8Array)) throw new ThriftError(`row group ${index} is no structure`);
  const describe = (): RowGroupDescription => describeRowGroup(decodeThrift(bytes), index, leaves, dataEnd);
  const { root, chunks } = describe();
  return {
    rows: count(root, rowGroupFields.rows, `rows in row group ${index}`),
    bytes: integerField(root, rowGroupFields.totalBytes) ?? 0,
    end: chunks.reduce((last, { end }) => Math.max(last, end), 0),
    encrypted: chunks.flatMap(({ isEncrypted }, leaf) => (isEncrypted ? [leaf] : [])),
    describe,
  };
}

function describeRowGroup(
  root: ThriftStruct,
  index: number,
  leaves: number,
  dataEnd: number,
): RowGroupDescription {
  const columns = structsField(root, rowGroupFields.columns);
  if (columns.length !== leaves)
    throw new ThriftError(`row group ${index} has ${columns.length} column chunks, the schema ${leaves}`);
  const rows = count(root, rowGroupFields.rows, `rows in row group ${index}`);
  const chunks = columns.map((chunk, column) => {
    const parsed = parseChunk(chunk, `column ${column} of row group ${index}`, dataEnd);
    return { ...parsed, values: Math.max(parsed.values, rows) };
  });
  return { root, chunks };
}

function parseChunk(chunk: ThriftStruct, where: string, dataEnd: number): ColumnChunk {
  const meta = structField(chunk, chunkFields.metadata);
  // Its description may be encrypted as well.
  if (structField(chunk, chunkFields.encryption) !== undefined) return encryptedChunk(meta);
  if (meta === undefined) throw new ThriftError(`${where} has no description`);
  if (bytesField(chunk, chunkFields.filePath)?.byteLength)
    throw new ThriftError(`${where} is in another file`);
  const start = chunkStart(meta);
  const compressedBytes = count(meta, columnFields.compressedBytes, `bytes in ${where}`);
  const end = start + compressedBytes;
  if (start < 0 || end > dataEnd) throw new ThriftError(`${where} lies outside the file's data`);
  const sizes = structField(meta, columnFields.sizeStatistics);
  const stringBytes = sizes?.fields.find((field) => field.id === 1)?.value;
  return {
    description: meta,
    values: count(meta, columnFields.values, `values in ${where}`),
    isEncrypted: false,
    dictionaryEncoded: itemsField(meta, columnFields.encodings).some(
      (encoding) => encoding === 2 || encoding === 8,
    ),
    uncompressedBytes: count(meta, columnFields.uncompressedBytes, `bytes in ${where}`),
    compressedBytes,
    start,
    end,
    statistics: structField(meta, columnFields.statistics),
    stringBytes: typeof stringBytes === "number" && stringBytes >= 0 ? stringBytes : undefined,
  };
}

/** No part of it is ever read; a footer that is not encrypted may still tell how large it is. */
function encryptedChunk(description: ThriftStruct | undefined): ColumnChunk {
  const bytes = (id: number) =>
    description === undefined ? 0 : Math.max(0, integerField(description, id) ?? 0);
  return {
    description: description ?? { fields: [] },
    values: bytes(columnFields.values),
    isEncrypted: true,
    dictionaryEncoded: false,
    uncompressedBytes: bytes(columnFields.uncompressedBytes),
    compressedBytes: bytes(columnFields.compressedBytes),
    start: 0,
    end: 0,
    statistics: undefined,
    stringBytes: undefined,
  };
}

/** The dictionary page comes first where there is one. Some writers say 0 for "none". */
function chunkStart(meta: ThriftStruct): number {
  const data = integerField(meta, columnFields.dataPageOffset) ?? -1;
  const dictionary = integerField(meta, columnFields.dictionaryPageOffset) ?? 0;
  return dictionary > 0 && dictionary < data ? dictionary : data;
}

function parseMetadata(root: ThriftStruct): { readonly [key: string]: string } {
  const metadata: { [key: string]: string } = Object.create(null);
  for (const pair of structsField(root, fileFields.keyValues)) {
    const key = textField(pair, 1) ?? "";
    // Binary, and said better by the schema.
    if (key !== "ARROW:schema") metadata[key] = textField(pair, 2) ?? "";
  }
  const createdBy = textField(root, fileFields.createdBy);
  return createdBy === undefined ? metadata : { ...metadata, created_by: createdBy };
}

function count(struct: ThriftStruct, id: number, what: string): number {
  const value = integerField(struct, id);
  if (value === undefined || value < 0) throw new ThriftError(`the number of ${what} is missing or negative`);
  return value;
}
