/**
 * Reads checksummed lines while another process may be writing them.
 *
 * A writer syncs every line before it begins the next one. So only the last line of a file can be torn, by a
 * kill, a full disk or a power cut. A damaged line anywhere else was whole once and is reported as damage.
 */
import type { FileSystem } from "../../stores/file-system.js";
import { corrupt } from "./journal-errors.js";
import { decodeLine, type LineBody, newline } from "./line.js";

export interface Line {
  /** Byte offsets; `end` is after the newline. */
  readonly start: number;
  readonly end: number;
  /** The line's bytes in the file, with newline; valid until the next line is requested. */
  readonly bytes: Uint8Array;
  readonly body: LineBody;
}

export interface LineRange {
  readonly start: number;
  /**
   * Everything before this offset must be whole; `null`: up to the end of the file, where a torn last line is
   * ignored.
   */
  readonly end: number | null;
}

/** Most reads want the first lines of a small file; later chunks are larger. */
const firstChunkBytes = 16 * 1024;
const chunkBytes = 1024 * 1024;

export async function* readLines(
  fileSystem: FileSystem,
  path: string,
  range: LineRange,
): AsyncGenerator<Line> {
  let offset = range.start;
  let stepBytes = firstChunkBytes;
  let rest: Uint8Array = new Uint8Array(0);
  for (;;) {
    const position = offset + rest.length;
    const wanted = range.end === null ? stepBytes : Math.min(stepBytes, range.end - position);
    const chunk = wanted > 0 ? await fileSystem.readRange(path, position, position + wanted) : null;
    const bytes = chunk === null || chunk.length === 0 ? rest : Buffer.concat([rest, chunk]);
    const atEnd = chunk === null || chunk.length < wanted || wanted === 0;
    stepBytes = Math.min(chunkBytes, stepBytes * 4);
    let from = 0;
    for (let to = bytes.indexOf(newline); to >= 0; to = bytes.indexOf(newline, from)) {
      const line = bytes.subarray(from, to);
      const body = decodeLine(line);
      const isLastSoFar = to + 1 === bytes.length;
      if (body === null && isLastSoFar && !atEnd) break;
      if (body === null && !(isLastSoFar && range.end === null && wasNeverWhole(line)))
        throw await damaged(fileSystem, path, offset + from, "the line's checksum is wrong");
      if (body !== null)
        yield { start: offset + from, end: offset + to + 1, bytes: bytes.subarray(from, to + 1), body };
      from = to + 1;
    }
    offset += from;
    rest = bytes.subarray(from);
    if (atEnd) return checkTail(fileSystem, path, { offset, rest, end: range.end });
  }
}

/** A power cut leaves zeros in a page that was not written; no valid line contains a zero byte. */
function wasNeverWhole(line: Uint8Array): boolean {
  return line.includes(0);
}

async function checkTail(
  fileSystem: FileSystem,
  path: string,
  tail: { readonly offset: number; readonly rest: Uint8Array; readonly end: number | null },
): Promise<void> {
  if (tail.end !== null && tail.offset < tail.end)
    throw await damaged(
      fileSystem,
      path,
      tail.offset,
      `${tail.end - tail.offset} honoured bytes are missing`,
    );
  if (tail.rest.length > 1 && decodeLine(tail.rest.subarray(0, -1)) !== null)
    throw await damaged(fileSystem, path, tail.offset, "the newline behind a whole line is damaged");
}

/** Finds the line's number. This reads the file again, which is acceptable for a final error. */
async function damaged(fileSystem: FileSystem, path: string, offset: number, what: string): Promise<Error> {
  return corrupt(path, await lineNumber(fileSystem, path, offset), what);
}

/** Returns the one-based number of the line that begins at a byte offset. */
export async function lineNumber(fileSystem: FileSystem, path: string, offset: number): Promise<number> {
  let line = 1;
  for (let position = 0; position < offset; ) {
    const chunk = await fileSystem.readRange(path, position, Math.min(offset, position + chunkBytes));
    if (chunk === null || chunk.length === 0) break;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, at + 1)) line += 1;
    position += chunk.length;
  }
  return line;
}
