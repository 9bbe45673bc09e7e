/** Models and data near a directory, to offer in questions. */
import { type Dirent, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

export interface FoundFiles {
  /** Relative to the directory, the nearest first. */
  readonly models: readonly string[];
  /** Files, and a glob for a folder that has several. */
  readonly data: readonly string[];
}

const deepest = 4;
/** A look around, not a search of the disk. */
const mostEntries = 5000;

export function findFiles(cwd: string): FoundFiles {
  const models: string[] = [];
  const folders = new Map<string, string[]>();
  let seen = 0;
  for (let level = [""], depth = 0; depth < deepest && level.length > 0; depth++) {
    const below: string[] = [];
    for (const folder of level) {
      for (const entry of entriesOf(join(cwd, folder))) {
        if (seen++ > mostEntries) return { models, data: patterns(folders) };
        const path = join(folder, entry.name);
        if (entry.isDirectory() || entry.isSymbolicLink()) below.push(path);
        if (entry.name.endsWith(".onnx")) models.push(path);
        if (entry.name.endsWith(".parquet")) folders.set(folder, [...(folders.get(folder) ?? []), path]);
      }
    }
    level = below;
  }
  return { models, data: patterns(folders) };
}

function entriesOf(path: string): readonly Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter(({ name }) => !/^[._]|^node_modules$|^out$/.test(name))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    // Not a directory, or not ours to read: nothing to offer.
    return [];
  }
}

function patterns(folders: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return [...folders]
    .flatMap(([folder, [first = "", ...others]]) => {
      if (others.length > 0) return [join(folder, "*.parquet")];
      // `dt=2026-01-15/part.parquet`: the days belong together.
      return /=[^/]*$/.test(folder) ? [join(dirname(folder), "*/*.parquet")] : [first];
    })
    .filter((pattern, index, all) => all.indexOf(pattern) === index);
}
