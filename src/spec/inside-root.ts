import { realpathSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";

/** Whether a path is a directory or lies below it, symlinks of what exists of both resolved. */
export function isInsideRoot(path: string, root: string): boolean {
  return isInside(realPath(path), realPath(root));
}

/** The same by their texts alone. */
export function isInside(path: string, root: string): boolean {
  const way = relative(root, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`));
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}
