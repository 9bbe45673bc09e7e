/** What a plan says about a file, held against the file as it is now. */
import { DataError } from "../../errors.js";
import type { PinnedFile } from "../../partition.js";
import type { StoredFile } from "../../store.js";

/** @throws DataError `source.changed` saying what changed */
export function checkIdentity(pinned: PinnedFile, found: StoredFile | null): void {
  if (found === null) throw changed(pinned.path, "it has gone");
  if (found.inode !== pinned.inode) throw changed(pinned.path, "another file is in its place");
  if (found.size !== pinned.size)
    throw changed(pinned.path, `it had ${pinned.size} bytes and has ${found.size}`);
  if (found.mtimeNs !== pinned.mtimeNs) throw changed(pinned.path, "it was written to");
}

export function changed(path: string, what: string): DataError {
  return new DataError("source.changed", `${path} changed after the run was planned: ${what}`, {
    hint: "Put the file back as it was and retry, or plan again with --restart.",
    details: { file: path },
  });
}
