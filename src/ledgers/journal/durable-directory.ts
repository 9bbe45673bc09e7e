import { dirname } from "node:path";
import type { FileSystem } from "../../stores/file-system.js";

/** Creates a directory and its parents, level by level, and makes every level durable in its parent. */
export async function makeDurableDirectory(fileSystem: FileSystem, path: string): Promise<void> {
  if ((await fileSystem.stat(path)) !== null) return;
  const parent = dirname(path);
  if (parent !== path) await makeDurableDirectory(fileSystem, parent);
  await fileSystem.mkdir(path);
  await fileSystem.syncDirectory(parent);
}
