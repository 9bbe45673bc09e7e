/** Row groups of a footer: where their column chunks lie in the file, and how large they are. */
import { chunkFields, columnFields, rowGroupFields } from "./footer-fields.js";
import {
  bytesField,
  countField,
  integerField,
  itemsField,
  structField,
  structsField,
  ThriftError,
  type ThriftStruct,
  type ThriftValue,
} from "./thrift.js";
import { decodeThrift } from "./thrift-decode.js";

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

/**
 * Everything about it is checked here, so that nothing about it can be wrong later.
 * @param leaves number of leaf columns of the schema
 * @param dataEnd where the file's data ends
 * @throws ThriftError
 */
export function parseRowGroup(bytes: ThriftValue, index: number, leaves: number, dataEnd: number): RowGroup {
  if (!(bytes instanceof Uint8Array)) throw new ThriftError(`row group ${index} is no structure`);
  const describe = (): RowGroupDescription => describeRowGroup(decodeThrift(bytes), index, leaves, dataEnd);
  const { root, chunks } = describe();
  return {
    rows: countField(root, rowGroupFields.rows, `rows in row group ${index}`),
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
  const rows = countField(root, rowGroupFields.rows, `rows in row group ${index}`);
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
  const compressedBytes = countField(meta, columnFields.compressedBytes, `bytes in ${where}`);
  const end = start + compressedBytes;
  if (start < 0 || end > dataEnd) throw new ThriftError(`${where} lies outside the file's data`);
  const sizes = structField(meta, columnFields.sizeStatistics);
  const stringBytes = sizes?.fields.find((field) => field.id === 1)?.value;
  return {
    description: meta,
    values: countField(meta, columnFields.values, `values in ${where}`),
    isEncrypted: false,
    dictionaryEncoded: itemsField(meta, columnFields.encodings).some(
      (encoding) => encoding === 2 || encoding === 8,
    ),
    uncompressedBytes: countField(meta, columnFields.uncompressedBytes, `bytes in ${where}`),
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
