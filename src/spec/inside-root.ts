import { readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";

/** Whether a path is strictly below a directory. Symlinks in both are resolved, including dangling ones. */
export function isBelowRoot(path: string, root: string): boolean {
  const [real, realRoot] = [realPath(path), realPath(root)];
  return real !== realRoot && isInside(real, realRoot);
}

/** Whether a path is a directory or is below it, comparing the text only. */
export function isInside(path: string, root: string): boolean {
  const way = relative(root, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`));
}

/** The same limit as in Linux. */
const maxLinks = 40;

/** Resolves a path. For a path that does not exist, the existing part is resolved. */
export function realPath(path: string, links = 0): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    if (parent === path) return path;
    const place = join(realPath(parent, links), basename(path));
    const target = links < maxLinks ? linkTarget(place) : null;
    return target === null ? place : realPath(resolve(dirname(place), target), links + 1);
  }
}

function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
