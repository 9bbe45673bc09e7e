/** Determines the kind and the identity of a path. */
import { realpath, stat } from "node:fs/promises";
import type { StoredFile } from "../store.js";
import { notAFile, orNull, translate } from "./native-errors.js";

export type Kind = "file" | "directory" | "other" | null;

/** Follows symlinks. */
export async function kindOf(path: string): Promise<Kind> {
  const found = await translate(path, orNull(stat(path)));
  return found === null ? null : kindOfEntry(found);
}

export function kindOfEntry(entry: { isFile(): boolean; isDirectory(): boolean }): Kind {
  if (entry.isFile()) return "file";
  return entry.isDirectory() ? "directory" : "other";
}

export async function statFile(path: string): Promise<StoredFile | null> {
  const found = await translate(path, orNull(stat(path, { bigint: true })));
  if (found === null) return null;
  if (!found.isFile()) throw notAFile(path);
  return {
    path,
    listedAs: path,
    size: Number(found.size),
    inode: String(found.ino),
    mtimeNs: String(found.mtimeNs),
    ctimeNs: String(found.ctimeNs),
    pathValues: {},
  };
}

/** Yields nothing if the file was removed since its directory was read. */
export async function* listed(
  path: string,
  pathValues: StoredFile["pathValues"],
): AsyncGenerator<StoredFile> {
  const real = await translate(path, orNull(realpath(path)));
  const file = real === null ? null : await statFile(real);
  if (file !== null) yield { ...file, listedAs: path, pathValues };
}
