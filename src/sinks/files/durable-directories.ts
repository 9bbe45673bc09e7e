/** Directories that are still there after a power cut. */
import { dirname } from "node:path";
import { NightshiftError } from "../../errors.js";
import type { FileSystem } from "../../stores/file-system.js";
import type { Layout } from "./layout.js";

/** The hidden directory beside the output, its parents too. May be repeated; a call that died half-way is made good. */
export async function ensureArea(fileSystem: FileSystem, layout: Layout): Promise<void> {
  await ensureDirectory(fileSystem, layout.area);
  for (const path of [layout.log, layout.staging, layout.versions, layout.shown, layout.scratch]) {
    await fileSystem.mkdir(path);
  }
  await fileSystem.syncDirectory(layout.area);
}

/**
 * Creates what is missing from the top down and syncs each parent before anything is put below. A directory that is
 * there already may have been made by a process that died before it synced, so its parent is synced as well.
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

/** Somebody else's directory may be closed to us for reading, and then we made nothing in it either. */
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

/** Every directory on the way from `root` (left out) down to each of `paths`' directories, deepest first. */
export function directoriesBelow(root: string, paths: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const path of paths) {
    for (let at = dirname(path); at.length > root.length; at = dirname(at)) found.add(at);
  }
  return [...found].sort((a, b) => b.length - a.length);
}
