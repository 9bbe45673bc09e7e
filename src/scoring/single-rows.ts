/**
 * Divides chunks into single rows and notes each one, so that the note of a host that dies identifies the
 * row.
 */
import type { Chunk } from "../data/chunk.js";
import { placeOf } from "../data/chunk.js";
import type { NoteRow } from "../host/host.js";

/** The caller scores a row before it asks for the next one. */
export async function* singleRows(chunks: AsyncIterable<Chunk>, noteRow: NoteRow): AsyncGenerator<Chunk> {
  for await (const chunk of chunks)
    for (let row = 0; row < chunk.batch.numRows; row++) {
      const origin = placeOf(chunk, row);
      const done = noteRow({ file: origin.file, row: origin.firstRow });
      yield { batch: chunk.batch.slice(row, row + 1), origin };
      done();
    }
}
