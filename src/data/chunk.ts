import type { RecordBatch } from "apache-arrow";

/**
 * The unit of memory: about 64k rows of one file, in Arrow.
 *
 * Buffers may be views into memory that the next read overwrites: whoever keeps values beyond the current chunk copies
 * them. A sink writer therefore copies what it buffers.
 */
export interface Chunk {
  readonly batch: RecordBatch;
  /** Where the rows come from, so that a row without a key can still be named. */
  readonly origin: ChunkOrigin;
  /** Where the rows come from when they were put together from several places, in their order; then `origin` is the first. */
  readonly spans?: readonly ChunkSpan[];
}

/** Rows of a chunk that lie below one another in one file. */
export interface ChunkSpan {
  readonly rows: number;
  readonly origin: ChunkOrigin;
}

/** The place of a chunk's row in its file. */
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
 * Rows that could not be scored, taken out of one chunk. `rows` holds their input columns that identify them (the key,
 * else nothing beyond origin) and is parallel to `reasons` and `rowNumbers`.
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
