/** Finds a footer's bytes: the last 8 bytes of a file say how long it is. */
import { DataError } from "../../errors.js";
import type { ReadHandle } from "../../stores/store.js";
import { hintForData, recognisedBytes, recogniseFile } from "../../text/recognise-file.js";

const tailBytes = 64 * 1024;
const magicBytes = 4;
/** The footer's length and the closing magic. */
export const trailerBytes = 8;

/** @throws DataError `data.corrupt`, `data.unsupported` */
export async function readFooterBytes(file: ReadHandle): Promise<Uint8Array> {
  if (file.size === 0) throw corrupt(file.path, "it is empty");
  const tail = await read(file, Math.max(0, file.size - tailBytes), file.size);
  const magic = Buffer.from(tail.subarray(Math.max(0, tail.byteLength - 4))).toString("latin1");
  if (magic === "PARE")
    throw new DataError("data.unsupported", `${file.path} has an encrypted footer, which cannot be read`, {
      hint: "Write the file without encryption.",
      details: { file: file.path },
    });
  if (magic !== "PAR1" || file.size < magicBytes + trailerBytes) throw await notParquet(file);
  const length = new DataView(tail.buffer, tail.byteOffset).getUint32(tail.byteLength - trailerBytes, true);
  const end = file.size - trailerBytes;
  if (length > end - magicBytes)
    throw corrupt(file.path, `its footer claims ${length} bytes in a file of ${file.size}`);
  if (length + trailerBytes <= tail.byteLength)
    return tail.subarray(tail.byteLength - trailerBytes - length, tail.byteLength - trailerBytes);
  return read(file, end - length, end);
}

async function notParquet(file: ReadHandle): Promise<DataError> {
  const head = await read(file, 0, Math.min(file.size, recognisedBytes));
  const recognised = recogniseFile(head, file.path);
  // Its first bytes are those of Parquet, so that only the end can be wrong.
  if (Buffer.from(head.subarray(0, magicBytes)).toString("latin1") === "PAR1")
    return corrupt(
      file.path,
      "it begins as a Parquet file and does not end as one: it was cut off, is still being written, or has bytes after its end",
    );
  if (recognised === null)
    return corrupt(file.path, 'it is not a Parquet file, or its end is missing (no "PAR1" there)');
  return new DataError("data.corrupt", `${file.path} is ${recognised.what}, not a Parquet file`, {
    hint: hintForData(recognised),
    details: { file: file.path },
  });
}

async function read(file: ReadHandle, start: number, end: number): Promise<Uint8Array> {
  return file.readSync === undefined ? file.read(start, end) : file.readSync(start, end);
}

export function corrupt(path: string, why: string, cause?: unknown): DataError {
  return new DataError("data.corrupt", `${path} cannot be read: ${why}`, {
    hint: "Write the file again, or leave it out of the input.",
    details: { file: path },
    ...(cause === undefined ? {} : { cause }),
  });
}
