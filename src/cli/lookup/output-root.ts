import { realpathSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { SpecError } from "../../errors.js";

/** @throws SpecError `refused.outside-output-root` for an output that NIGHTSHIFT_OUTPUT_ROOT does not allow */
export function refuseOutside(output: string, outputRoot: string | null): void {
  if (outputRoot === null) return;
  const way = relative(realPath(outputRoot), realPath(output));
  if (way !== ".." && !way.startsWith(`..${sep}`)) return;
  throw new SpecError(
    "refused.outside-output-root",
    `${output} lies outside of NIGHTSHIFT_OUTPUT_ROOT, ${outputRoot}`,
    { hint: "Write below it, or ask whoever set it." },
  );
}

/** With the symlinks resolved of what exists of a path. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}
