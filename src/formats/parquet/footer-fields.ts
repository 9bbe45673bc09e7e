/** Names for the numbers of parquet.thrift that are used here. */

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
