import { dirname } from "node:path";
import type { FileSystem } from "../../stores/file-system.js";

/** Makes a directory with its parents, level by level, so that every level is durable in the one above. */
export async function makeDurableDirectory(fileSystem: FileSystem, path: string): Promise<void> {
  if ((await fileSystem.stat(path)) !== null) return;
  const parent = dirname(path);
  if (parent !== path) await makeDurableDirectory(fileSystem, parent);
  await fileSystem.mkdir(path);
  await fileSystem.syncDirectory(parent);
}
