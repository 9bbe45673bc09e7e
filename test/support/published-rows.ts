import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";

/** Rows of one file, read by another reader than the product's own. */
export async function readRows(path: string): Promise<readonly Record<string, unknown>[]> {
  return parquetReadObjects({ file: await asyncBufferFromFile(path), compressors });
}

export async function countRows(path: string): Promise<number> {
  return Number((await parquetMetadataAsync(await asyncBufferFromFile(path))).num_rows);
}

/** The first row's value of one column; only that column is decoded. */
export async function firstValue(path: string, column: string): Promise<unknown> {
  const file = await asyncBufferFromFile(path);
  const [row] = await parquetReadObjects({ file, compressors, columns: [column], rowEnd: 1 });
  return row?.[column];
}
