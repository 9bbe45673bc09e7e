/** The local file system as a store of input files. */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { DataError } from "../../errors.js";
import type { ReadHandle, Store } from "../store.js";
import { list } from "./listing.js";
import { attempt, notAFile, orNull, translate } from "./native-errors.js";
import { statFile } from "./stat.js";

export function localStore(): Store {
  return { list, stat: statFile, open, names };
}

async function names(directory: string): Promise<readonly string[] | null> {
  return translate(directory, orNull(readdir(directory)));
}

/** Opens a file for synchronous reads, which are several times faster for a decoder than promises. */
async function open(path: string): Promise<ReadHandle> {
  const descriptor = attempt(path, () => openSync(path, constants.O_RDONLY));
  const found = attempt(path, () => fstatSync(descriptor));
  if (!found.isFile()) {
    closeSync(descriptor);
    throw notAFile(path);
  }
  let bytesRead = 0;
  let closed = false;
  const readInto = (start: number, buffer: Uint8Array): void => {
    attempt(path, () => fill(path, descriptor, start, buffer));
    bytesRead += buffer.byteLength;
  };
  const readRange = (start: number, end: number): Uint8Array => {
    const bytes = new Uint8Array(end - start);
    readInto(start, bytes);
    return bytes;
  };
  return {
    path,
    size: found.size,
    readSync: readRange,
    readIntoSync: readInto,
    read: async (start, end) => readRange(start, end),
    get bytesRead() {
      return bytesRead;
    },
    async close() {
      if (!closed) closeSync(descriptor);
      closed = true;
    },
  };
}

/**
 * Reads in a loop: a read may return fewer bytes than requested, because of the limit of 2 GiB, signals and
 * network mounts.
 */
function fill(path: string, descriptor: number, start: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength; ) {
    const count = readSync(descriptor, bytes, done, Math.min(bytes.byteLength - done, 2 ** 30), start + done);
    if (count === 0)
      throw new DataError(
        "source.changed",
        `${path} became shorter while it was read: it ends at byte ${start + done}`,
        {
          details: { file: path },
        },
      );
    done += count;
  }
}
