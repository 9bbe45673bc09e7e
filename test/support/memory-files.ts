/** Files in memory behind the store's read handle, so that tests of a format need no disk. */
import type { ReadHandle } from "../../src/stores/store.js";

export function memoryFile(bytes: Uint8Array, path = "/memory/file.parquet"): ReadHandle {
  let bytesRead = 0;
  const readSync = (start: number, end: number): Uint8Array => {
    if (start < 0 || end > bytes.byteLength)
      throw new RangeError(`read of ${start}..${end} in ${bytes.byteLength} bytes`);
    bytesRead += end - start;
    return bytes.slice(start, end);
  };
  return {
    path,
    size: bytes.byteLength,
    readSync,
    read: async (start, end) => readSync(start, end),
    get bytesRead() {
      return bytesRead;
    },
    close: async () => {},
  };
}
