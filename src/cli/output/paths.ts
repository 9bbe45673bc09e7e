import { isAbsolute, relative, sep } from "node:path";
import { placeOf, targetOf, type WriteSpec } from "../../job/output.js";
import { oneLine } from "../../text/visible-text.js";

/** A path as the person who is in `cwd` would type it: relative where that is shorter to read. */
export function shownPath(path: string, cwd: string): string {
  const near = relative(cwd, path);
  if (near === "") return ".";
  return oneLine(near.startsWith(`..${sep}..`) || isAbsolute(near) ? path : near);
}

/** Likewise for an output, which need not be a path. */
export function shownTarget(write: WriteSpec, cwd: string): string {
  const place = placeOf(write);
  return place.is === "path" ? shownPath(place.path, cwd) : targetOf(write);
}
