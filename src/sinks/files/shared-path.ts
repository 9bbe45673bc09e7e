/**
 * Checks whether another machine has the same output directory, or only a directory with the same name: the
 * coordinator creates a sentinel file, and workers look for it. Its name is among those that `collecting.ts`
 * removes once the run is decided.
 */
import { join } from "node:path";
import type { FileSystem } from "../../stores/file-system.js";
import { ensureArea } from "./durable-directories.js";
import { layoutOf } from "./layout.js";

/** Network file systems may cache for a while that the file does not exist. */
const looks = 10;
const lookEveryMs = 500;

export async function markShared(fileSystem: FileSystem, to: string, runId: string): Promise<void> {
  const layout = layoutOf(to);
  await ensureArea(fileSystem, layout);
  const path = markOf(layout.scratch, runId);
  if ((await fileSystem.stat(path)) === null) await fileSystem.writeFile(path, "");
}

export async function seesShared(
  fileSystem: FileSystem,
  to: string,
  runId: string,
  pause: (ms: number) => Promise<void>,
): Promise<boolean> {
  const path = markOf(layoutOf(to).scratch, runId);
  for (let look = 1; look <= looks; look++) {
    if ((await fileSystem.stat(path)) !== null) return true;
    if (look < looks) await pause(lookEveryMs);
  }
  return false;
}

function markOf(scratch: string, runId: string): string {
  return join(scratch, `entry-${runId}.shared`);
}
