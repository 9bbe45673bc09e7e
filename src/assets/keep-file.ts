/**
 * Stores a file under its digest, atomically by a rename. A process that dies before the rename leaves a
 * draft.
 */
import { readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { FileSystem } from "../stores/file-system.js";

export interface DigestDirectory {
  /** Absolute; created on first use. */
  readonly directory: string;
  readonly fileSystem: FileSystem;
  readonly newId: () => string;
}

const draftMark = ".draft-";
/** A draft of this age has no writer any more. */
const draftAgeMs = 24 * 3_600_000;

/**
 * Stores a file and returns its path. @throws what `blocks` throw; InfraError `infra.disk-full` and others
 */
export async function keepFile(
  { directory, fileSystem, newId }: DigestDirectory,
  name: string,
  blocks: AsyncIterable<Uint8Array>,
): Promise<string> {
  await fileSystem.mkdir(directory);
  const draft = join(directory, `${draftMark}${newId()}`);
  const path = join(directory, name);
  try {
    const file = await fileSystem.create(draft);
    try {
      for await (const block of blocks) await file.append(block);
      await file.sync();
    } finally {
      await file.close();
    }
    await fileSystem.rename(draft, path);
  } catch (error) {
    await fileSystem.unlink(draft).catch(() => undefined);
    throw error;
  }
  await fileSystem.syncDirectory(directory);
  return path;
}

/** Removes drafts of processes that were killed. */
export async function removeOldDrafts({ directory }: DigestDirectory, nowMs: number): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(draftMark)) continue;
    const path = join(directory, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: nowMs }));
    if (nowMs - mtimeMs > draftAgeMs) await unlink(path).catch(() => undefined);
  }
}
