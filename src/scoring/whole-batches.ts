/**
 * Regroups chunks into whole batches, for models whose rows influence one another: a batch has the same rows
 * regardless of the row groups and files of a partition. Only the last batch of a partition may be smaller.
 */
import type { RecordBatch } from "apache-arrow";
import type { Chunk, ChunkOrigin, ChunkSpan } from "../data/chunk.js";
import { copyRows, joinBatches } from "./join-rows.js";

/** Rows that wait until their batch is full, in own memory. */
interface Rest {
  readonly batch: RecordBatch;
  readonly spans: readonly ChunkSpan[];
}

export async function* wholeBatches(chunks: AsyncIterable<Chunk>, batchRows: number): AsyncGenerator<Chunk> {
  let rest: Rest | null = null;
  for await (const { batch, origin } of chunks) {
    let start = 0;
    if (rest !== null) {
      start = Math.min(batchRows - rest.batch.numRows, batch.numRows);
      rest = grown(rest, spanOf(batch, origin, 0, start));
      if (rest.batch.numRows < batchRows) continue;
      yield chunkOf(rest);
      rest = null;
    }
    const end = batch.numRows - ((batch.numRows - start) % batchRows);
    if (end > start) yield chunkOf(spanOf(batch, origin, start, end));
    if (end < batch.numRows) rest = spanOf(batch, origin, end, batch.numRows);
  }
  if (rest !== null) yield chunkOf(rest);
}

function spanOf(batch: RecordBatch, { file, firstRow }: ChunkOrigin, start: number, end: number): Rest {
  return {
    batch: copyRows(batch, start, end),
    spans: [{ rows: end - start, origin: { file, firstRow: firstRow + start } }],
  };
}

function grown(rest: Rest, more: Rest): Rest {
  return { batch: joinBatches(rest.batch, more.batch), spans: [...rest.spans, ...more.spans] };
}

function chunkOf({ batch, spans }: Rest): Chunk {
  const origin = spans[0]?.origin ?? { file: "", firstRow: 0 };
  return spans.length === 1 ? { batch, origin } : { batch, origin, spans };
}
