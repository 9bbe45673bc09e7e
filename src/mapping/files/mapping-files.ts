/** What a mapping's small files hold, read and checked before any row is looked at. */
import { BugError } from "../../errors.js";
import type { IdFile } from "../mapping.js";

export interface MappingFiles {
  /** By path. */
  readonly categories: ReadonlyMap<string, Categories>;
  /** By {@link idKey}. */
  readonly ids: ReadonlyMap<string, Ids>;
}

/** Values and their numbers, of which none is NaN. */
export interface Categories {
  readonly numbers: ReadonlyMap<string, number>;
  /** The same for those values that are integers as people write them. */
  readonly integers: ReadonlyMap<number, number>;
}

/** Names of an output's elements, in their order, each once. */
export type Ids =
  | { readonly kind: "int64"; readonly values: BigInt64Array }
  | { readonly kind: "utf8"; readonly values: readonly string[] };

export const noFiles: MappingFiles = { categories: new Map(), ids: new Map() };

/** One file may name the elements of several outputs, by several columns. */
export function idKey({ file, column }: IdFile): string {
  return JSON.stringify([file, column]);
}

export function categoriesOf(files: MappingFiles, file: string): Categories {
  return loaded(files.categories.get(file), file);
}

export function idsOf(files: MappingFiles, of: IdFile): Ids {
  return loaded(files.ids.get(idKey(of)), of.file);
}

function loaded<T>(found: T | undefined, file: string): T {
  if (found === undefined) throw new BugError("bug.mapping-file", `${file} was never loaded`);
  return found;
}
