import type { Data, RecordBatch } from "apache-arrow";
import type { Tensor } from "../../data/tensor.js";

/** Builds one column of the output from a chunk's predictions, batch by batch. */
export interface OutputColumn {
  /** Allocates space for the rows of a chunk and discards the previous one. */
  begin(batch: RecordBatch): void;
  /** Stores the first `rows` rows of the output's tensor at row `at` of the chunk. */
  collect(at: number, rows: number, tensor: Tensor): void;
  /**
   * Returns the column of all rows, in memory that the next chunk overwrites.
   * @param nulled rows without a prediction
   */
  finish(rows: number, nulled: Nulled): Data;
}

/** Rows without a value, with their bitmap; `null` if there are none. */
export interface Nulled {
  readonly bitmap: Uint8Array | null;
  readonly count: number;
}

/** Returns the same with additional null rows. */
export function withNulls({ bitmap, count }: Nulled, rows: number, more: Iterable<number>): Nulled {
  const merged = bitmap === null ? new Uint8Array((rows + 7) >> 3).fill(0xff) : bitmap.slice();
  let added = 0;
  for (const row of more) {
    const bit = 1 << (row & 7);
    if (((merged[row >> 3] ?? 0) & bit) === 0) continue;
    merged[row >> 3] = (merged[row >> 3] ?? 0) & ~bit;
    added++;
  }
  return added === 0 ? { bitmap, count } : { bitmap: merged, count: count + added };
}
