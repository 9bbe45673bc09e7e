/** How much memory a column chunk takes: decoded, and while it is being decoded. */
import type { Footer, Leaf } from "./footer.js";
import { physicalTypes } from "./footer-fields.js";
import type { ColumnChunk } from "./row-group.js";
import { boundBytes } from "./statistics.js";

/** Arrow bytes of one value; INT96 becomes a timestamp. */
const valueBytes: { readonly [physicalType: number]: number } = {
  [physicalTypes.boolean]: 1 / 8,
  [physicalTypes.int32]: 4,
  [physicalTypes.int64]: 8,
  [physicalTypes.int96]: 8,
  [physicalTypes.float]: 4,
  [physicalTypes.double]: 8,
};

/** A guess at the mean length of strings whose writer left nothing to tell it by. */
const unknownStringBytes = 32;

/** Values, offsets and validity of a whole chunk in Arrow. An estimate: dictionary-encoded strings do not tell their sizes. */
export function decodedBytes(chunk: ColumnChunk, leaf: Leaf): number {
  const validity = chunk.values / 8;
  // A list has an offset for each row; rows are at most values.
  const offsets = leaf.flat ? 0 : chunk.values * 4;
  return Math.ceil(validity + offsets + contentBytes(chunk, leaf));
}

function contentBytes(chunk: ColumnChunk, leaf: Leaf): number {
  if (leaf.physicalType === physicalTypes.bytes) return stringBytes(chunk);
  // Small decimals kept as bytes grow to the sixteen of Arrow's.
  if (leaf.physicalType === physicalTypes.fixedBytes) return chunk.values * Math.max(leaf.typeLength, 16);
  return chunk.values * (valueBytes[leaf.physicalType] ?? 8);
}

/** Plain pages hold a four-byte length before each string, Arrow a four-byte offset: the sizes are the same. */
function stringBytes(chunk: ColumnChunk): number {
  if (chunk.stringBytes !== undefined) return chunk.stringBytes + 4 * chunk.values;
  if (!chunk.dictionaryEncoded) return chunk.uncompressedBytes;
  const mean = boundBytes(chunk.statistics) || unknownStringBytes;
  return Math.max(chunk.uncompressedBytes, chunk.values * (4 + mean));
}

/**
 * What a thread holds while it reads the chunk's row group: its compressed bytes here and in the decoder, and all of its
 * values, since the decoder does a whole row group at once. Measured with parquet-wasm 0.8 on 28 columns in groups of
 * 131k, 500k and 2 M rows: exact to a few percent, on top of 20 MB that do not depend on the data.
 */
export function heldBytes(chunk: ColumnChunk, leaf: Leaf): number {
  return 2 * chunk.compressedBytes + decodedBytes(chunk, leaf);
}

/** What the decoder itself must hold of a row group: one copy of the compressed bytes, and the values. */
export function decodeBytes(footer: Footer, rowGroup: number, columns: ReadonlySet<string>): number {
  let bytes = 0;
  footer.rowGroups[rowGroup]?.describe().chunks.forEach((chunk, i) => {
    const leaf = footer.leaves[i];
    if (leaf !== undefined && columns.has(leaf.column))
      bytes += chunk.compressedBytes + decodedBytes(chunk, leaf);
  });
  return bytes;
}
