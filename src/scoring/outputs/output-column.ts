import type { Data, RecordBatch } from "apache-arrow";
import type { Tensor } from "../../data/tensor.js";

/** Takes one column of the output out of a chunk's predictions, batch by batch. */
export interface OutputColumn {
  /** Makes room for the rows of a chunk and forgets the one before. */
  begin(batch: RecordBatch): void;
  /** Takes the first `rows` rows of the output's tensor in, at row `at` of the chunk. */
  collect(at: number, rows: number, tensor: Tensor): void;
  /**
   * The column of all rows, over memory that the next chunk overwrites.
   * @param nulled rows that stay without a prediction
   */
  finish(rows: number, nulled: Nulled): Data;
}

/** Rows without a value, and the bitmap that says so; `null` where there are none. */
export interface Nulled {
  readonly bitmap: Uint8Array | null;
  readonly count: number;
}

/** The same with more rows nulled. */
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
