/** What a plan says about a file, held against the file as it is now. */
import { DataError } from "../../errors.js";
import type { PinnedFile } from "../../job/partition.js";
import type { StoredFile } from "../../stores/store.js";

/**
 * @returns the file as it is now; only its ctime may be another one: see {@link hasMoved}
 * @throws DataError `source.changed` saying what changed
 */
export function checkIdentity(pinned: PinnedFile, found: StoredFile | null): StoredFile {
  if (found === null) throw changed(pinned.path, "it has gone");
  if (found.inode !== pinned.inode) throw changed(pinned.path, "another file is in its place");
  if (found.size !== pinned.size)
    throw changed(pinned.path, `it had ${pinned.size} bytes and has ${found.size}`);
  if (found.mtimeNs !== pinned.mtimeNs) throw changed(pinned.path, "it was written to");
  return found;
}

/** Whether something happened to the file since it was pinned, if only a `chmod`. Plans of earlier versions do not tell. */
export function hasMoved(pinned: PinnedFile, found: StoredFile): boolean {
  return pinned.ctimeNs !== undefined && pinned.ctimeNs !== found.ctimeNs;
}

export function changed(path: string, what: string): DataError {
  return new DataError("source.changed", `${path} changed after the run was planned: ${what}`, {
    hint: "Put the file back as it was and retry, or plan again with --restart.",
    details: { file: path },
  });
}

/** The file has its planned size and time, but rows of the run may be of two states of it. */
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
