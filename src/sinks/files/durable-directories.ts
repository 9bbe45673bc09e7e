/** Creates directories that survive a power cut. */
import { dirname } from "node:path";
import { NightshiftError } from "../../errors.js";
import type { FileSystem } from "../../stores/file-system.js";
import type { Layout } from "./layout.js";

/**
 * Creates the hidden directory beside the output, and its parents. May be repeated; a repeated call completes
 * an interrupted one.
 */
export async function ensureArea(fileSystem: FileSystem, layout: Layout): Promise<void> {
  await ensureDirectory(fileSystem, layout.area);
  for (const path of [layout.log, layout.staging, layout.versions, layout.shown, layout.scratch]) {
    await fileSystem.mkdir(path);
  }
  await fileSystem.syncDirectory(layout.area);
}

/**
 * Creates the missing directories from the top down, and syncs each parent before the next level. An existing
 * directory may have been created by a process that died before the sync, so its parent is synced as well.
 */
async function ensureDirectory(fileSystem: FileSystem, path: string): Promise<void> {
  const parent = dirname(path);
  if (parent === path) return;
  if ((await fileSystem.stat(path)) === null) {
    await ensureDirectory(fileSystem, parent);
    await fileSystem.mkdir(path);
  }
  await syncWherePermitted(fileSystem, parent);
}

/** A directory of another user may not be readable; then nothing was created in it either. */
async function syncWherePermitted(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.syncDirectory(path);
  } catch (error) {
    if (!isRefusal(error, "infra.permission")) throw error;
  }
}

export function isRefusal(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof NightshiftError && codes.includes(error.code);
}

/** Returns every directory below `root` on the way to each of `paths`, deepest first. */
export function directoriesBelow(root: string, paths: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const path of paths) {
    for (let at = dirname(path); at.length > root.length; at = dirname(at)) found.add(at);
  }
  return [...found].sort((a, b) => b.length - a.length);
}
