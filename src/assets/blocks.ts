/** Files of any size, block by block: nobody's event loop stands still for one, and none is held whole. */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** Also what is one row of a database. */
const blockBytes = 1024 * 1024;

/** Its own memory each. @throws Error of Node's where it is no file, or cannot be read */
export async function* blocksOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await openFile(path);
  try {
    for (;;) {
      const block = new Uint8Array(blockBytes);
      const { bytesRead } = await file.read(block, 0, blockBytes, null);
      if (bytesRead === 0) return;
      yield block.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  // Without O_NONBLOCK a named pipe would keep this waiting for somebody to write into it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new Error(`${path} is not a file`);
}

/** Hands blocks on, and throws behind the last one where they are not what they should be. */
export async function* verified(
  blocks: AsyncIterable<Uint8Array>,
  sha256: string,
  wrong: (found: string) => Error,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const block of blocks) {
    hash.update(block);
    yield block;
  }
  const found = hash.digest("hex");
  if (found !== sha256) throw wrong(found);
}

/** SHA-256 of a file; `null` where it cannot be read. */
export async function digestOf(path: string): Promise<string | null> {
  const hash = createHash("sha256");
  try {
    for await (const block of blocksOf(path)) hash.update(block);
    return hash.digest("hex");
  } catch {
    return null;
  }
}
