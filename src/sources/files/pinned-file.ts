/** Compares a file as pinned in a plan with its present state. */
import { DataError } from "../../errors.js";
import type { PinnedFile } from "../../job/partition.js";
import type { StoredFile } from "../../stores/store.js";

/**
 * @returns the present file; only its ctime may differ: see {@link hasMoved}
 * @throws DataError `source.changed` saying what changed
 */
export function checkIdentity(pinned: PinnedFile, found: StoredFile | null): StoredFile {
  if (found === null) throw changed(pinned.path, "it was removed");
  if (found.inode !== pinned.inode) throw changed(pinned.path, "another file is in its place");
  if (found.size !== pinned.size)
    throw changed(pinned.path, `it had ${pinned.size} bytes and now has ${found.size}`);
  if (found.mtimeNs !== pinned.mtimeNs) throw changed(pinned.path, "it was written to");
  return found;
}

/**
 * Whether the file was changed in any way since it was pinned, even by a `chmod`. Plans of earlier versions
 * do not contain this.
 */
export function hasMoved(pinned: PinnedFile, found: StoredFile): boolean {
  return pinned.ctimeNs !== undefined && pinned.ctimeNs !== found.ctimeNs;
}

export function changed(path: string, what: string): DataError {
  return new DataError("source.changed", `${path} changed after the run was planned: ${what}`, {
    hint: "Put the file back as it was and retry, or plan again with --restart.",
    details: { file: path },
  });
}

/** Error for a file with its planned size and time whose rows may be from two states of it. */
export function rewritten(path: string, what: string): DataError {
  return new DataError(
    "source.changed",
    `${path} changed while the run read it: ${what}, and its size and time are as before`,
    {
      hint: "Once the file is complete, score it from the beginning with --restart.",
      details: { file: path },
    },
  );
}
