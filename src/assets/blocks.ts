/**
 * Reads files of any size in blocks, without blocking the event loop and without holding a whole file in
 * memory.
 */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** Also the size of one row in a database. */
const blockBytes = 1024 * 1024;

/**
 * Yields the blocks of a file, each in its own memory. @throws Error of Node if it is not a file or cannot be
 * read
 */
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
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new Error(`${path} is not a file`);
}

/** Passes blocks on, and throws after the last one if their digest is not the expected one. */
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

/** Returns the SHA-256 of a file; `null` if it cannot be read. */
export async function digestOf(path: string): Promise<string | null> {
  const hash = createHash("sha256");
  try {
    for await (const block of blocksOf(path)) hash.update(block);
    return hash.digest("hex");
  } catch {
    return null;
  }
}
