import type { RecordBatch } from "apache-arrow";

/**
 * The unit of memory: about 64k rows of one file, in Arrow.
 *
 * Buffers may be views into memory that the next read overwrites. Code that keeps values beyond the current
 * chunk must copy them; a sink writer therefore copies what it buffers.
 */
export interface Chunk {
  readonly batch: RecordBatch;
  /** Source file and first row number. They identify a row that has no key. */
  readonly origin: ChunkOrigin;
  /**
   * Origins of the rows, in order, if the chunk was assembled from several places; `origin` is the first of
   * them.
   */
  readonly spans?: readonly ChunkSpan[];
}

/** Consecutive rows of a chunk that are also consecutive in one file. */
export interface ChunkSpan {
  readonly rows: number;
  readonly origin: ChunkOrigin;
}

/** Returns the position in its file of a chunk's row. */
export function placeOf({ origin, spans = [] }: Omit<Chunk, "batch">, row: number): ChunkOrigin {
  let before = 0;
  for (const span of spans) {
    if (row < before + span.rows)
      return { file: span.origin.file, firstRow: span.origin.firstRow + row - before };
    before += span.rows;
  }
  return { file: origin.file, firstRow: origin.firstRow + row };
}

export interface ChunkOrigin {
  /** Path of the file as pinned in the plan. */
  readonly file: string;
  /** Zero-based number of the chunk's first row in that file. */
  readonly firstRow: number;
}

/**
 * Rows of one chunk that could not be scored. `rows` holds the input columns that identify them (the key; no
 * columns if there is no key) and is parallel to `reasons` and `rowNumbers`.
 */
export interface QuarantinedRows {
  readonly key: RecordBatch | null;
  readonly file: string;
  /** Zero-based row numbers in `file`. */
  readonly rowNumbers: readonly number[];
  /** Reason codes, e.g. `null_value`, `predict_failed`. */
  readonly reasons: readonly string[];
  /** One sentence each: what and where, never a row's values. */
  readonly messages: readonly string[];
}
