import { isAbsolute, relative, sep } from "node:path";

/** A path as the person who is in `cwd` would type it: relative where that is shorter to read. */
export function shownPath(path: string, cwd: string): string {
  const near = relative(cwd, path);
  if (near === "") return ".";
  return near.startsWith(`..${sep}..`) || isAbsolute(near) ? path : near;
}
