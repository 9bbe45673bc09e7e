/**
 * Limits what a value given for a run may do to a path. The author of a spec chooses paths freely; a client
 * that starts runs does not.
 */

import type { JsonValue } from "../errors.js";
import type { SpecPath } from "../job/spec-problem.js";
import { isInputPath, isOutputPath } from "./checks/adapters.js";
import { valueAt } from "./spec-source.js";
import { type UnsafeText, unsafeInPath, type VarValue } from "./var-value.js";

/** The value of a spec in which a variable is used. */
export interface UsedIn {
  readonly path: SpecPath;
  /** The whole spec, its templates unexpanded. */
  readonly written: JsonValue;
  /** The whole spec, its templates expanded. */
  readonly rendered: JsonValue;
}

const maxNameBytes = 255;
/** Length of the additions in `.<name>.nightshift`, the folder beside an output. */
const besideBytes = ".".length + ".nightshift".length;
/** The file system allows 4,096 bytes for the whole path, and a run's own folders are below it. */
const maxPathBytes = 1024;
/** Extensions of the folders that Nightshift creates beside outputs and for its state. */
const ownName = /\.(nightshift|quarantine)$/i;

/**
 * Reports what prevents a given value from being used at this place, or `null`.
 * @param pattern of the variable's declaration
 */
export function unsafeGiven(
  value: VarValue,
  pattern: string | undefined,
  { path, written, rendered }: UsedIn,
): UnsafeText | null {
  const ofValue = unsafeInPath(value, pattern);
  if (ofValue !== null || !isPath(path)) return ofValue;
  const template = String(valueAt(written, path));
  const text = String(valueAt(rendered, path));
  if (!isInputPath(text) || !isOutputPath(text)) return null;
  // A step that the author wrote as it is does not come from a value.
  const steps = text.split(/[/\\]/).filter((step) => !template.split(/[/\\]/).includes(step));
  const lasting = (what: string): UnsafeText => ({ what, isAllowedByPattern: false });
  if (steps.some((step) => ownName.test(step)))
    return lasting("an ending that Nightshift gives to folders of its own: `.nightshift` or `.quarantine`");
  const isOutput = path.join(".") === "write.to";
  const longest = maxNameBytes - (isOutput ? besideBytes : 0);
  const tooLong = steps.find((step) => Buffer.byteLength(step) > longest);
  if (tooLong !== undefined)
    return lasting(
      `too many letters: the name has ${Buffer.byteLength(tooLong)} bytes of at most ${longest}`,
    );
  if (steps.length > 0 && Buffer.byteLength(text) > maxPathBytes)
    return lasting(
      `too many letters: the path has ${Buffer.byteLength(text)} bytes of at most ${maxPathBytes}`,
    );
  const first = /^[.-]/.exec(String(value))?.[0];
  if (pattern === undefined && first !== undefined && steps.some((step) => step.startsWith(first)))
    return { what: `\`${first}\` at its beginning`, isAllowedByPattern: true };
  return null;
}

/** Whether the value at a path names a file or a folder. */
function isPath(path: SpecPath): boolean {
  const [section, key] = path;
  switch (section) {
    case "model":
    case "pre":
    case "post":
    case "check":
      return true;
    case "input":
      return key === "from";
    case "write":
      return key === "to" || (key === "quarantine" && path.at(-1) === "directory");
    case "features":
    case "outputs":
      return path.length > 2 && path.at(-1) === "file";
    default:
      return false;
  }
}
