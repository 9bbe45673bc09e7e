/** Lists the files of paths, globs and directories. */
import { readdir, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import picomatch from "picomatch";
import { SpecError } from "../../errors.js";
import type { StoredFile } from "../store.js";
import { globMatcher } from "./glob.js";
import { notAFile, translate } from "./native-errors.js";
import { notFound } from "./not-found.js";
import { kindOf, kindOfEntry, listed } from "./stat.js";

export async function* list(pattern: string): AsyncGenerator<StoredFile> {
  const path = resolve(pattern);
  const named = await kindOf(path);
  // A file may be named `a[1].parquet`: an existing file takes precedence over a pattern.
  if (named === "file") yield* listed(path, {});
  else if (named === "directory") yield* listTree(path, everything, pattern);
  else if (named === "other") throw notAFile(path);
  else {
    const { there, rest } = await existingPart(path);
    // Whether the base is hidden does not matter, since the user named it.
    const { isGlob, base, glob } = picomatch.scan(rest, noNegation);
    if (!isGlob) throw await notFound(pattern, path);
    const root = join(there, base);
    if ((await kindOf(root)) !== "directory") throw await notFound(pattern, root);
    yield* listTree(root, globRule(glob), pattern);
  }
}

const noNegation = { nonegate: true };

/**
 * Returns the existing directories at the start of a pattern: a project may be in `flights (copy)` or
 * `{2026}`, which are not patterns.
 */
async function existingPart(path: string): Promise<{ readonly there: string; readonly rest: string }> {
  const steps = path.split("/").slice(1);
  let there = "/";
  while (steps.length > 1 && (await kindOf(join(there, steps[0] ?? ""))) === "directory")
    there = join(there, steps.shift() ?? "");
  return { there, rest: steps.join("/") };
}

/** Determines which paths below a root match, and which directories can contain such paths. */
interface Rule {
  readonly wants: (relative: string) => boolean;
  readonly enters: (relative: string) => boolean;
}

const everything: Rule = { wants: () => true, enters: () => true };

/** A matching directory includes everything in it. */
function globRule(glob: string): Rule {
  const matches = globMatcher(glob);
  const wants = (relative: string): boolean => {
    const parts = relative.split("/");
    return parts.some((_, i) => matches(parts.slice(0, i + 1).join("/")));
  };
  const depth = glob.includes("**") || glob.includes("{") ? Number.POSITIVE_INFINITY : glob.split("/").length;
  return { wants, enters: (relative) => relative.split("/").length < depth || wants(relative) };
}

/** Yields the files under a directory, depth first in byte order of their paths. Throws if there are none. */
async function* listTree(root: string, rule: Rule, pattern: string): AsyncGenerator<StoredFile> {
  let found = false;
  let other: string | null = null;
  for await (const { relative, pathValues } of walk(
    root,
    rule,
    { relative: "", pathValues: {} },
    new Set(),
  )) {
    if (!rule.wants(relative)) {
      other ??= relative;
      continue;
    }
    found = true;
    yield* listed(join(root, relative), pathValues);
  }
  if (found) return;
  const hint =
    other === null
      ? `${root} is empty: files whose names begin with "." or "_" do not count. Name a directory with Parquet files, or write some into it.`
      : `There are other files in ${root}, such as ${other}.`;
  throw new SpecError("source.not-found", `no file matches ${pattern}`, { hint, details: { pattern } });
}

interface Entry {
  /** Relative path with `/` between steps. */
  readonly relative: string;
  readonly pathValues: StoredFile["pathValues"];
}

/** @param ancestors real paths of the parent directories, so that a symlink to one of them is not followed */
async function* walk(
  root: string,
  rule: Rule,
  from: Entry,
  ancestors: ReadonlySet<string>,
): AsyncGenerator<Entry> {
  const directory = join(root, from.relative);
  const real = await translate(directory, realpath(directory));
  if (ancestors.has(real)) return;
  const here = new Set([...ancestors, real]);
  for (const { name, isDirectory } of await visibleEntries(directory)) {
    const relative = from.relative === "" ? name : `${from.relative}/${name}`;
    if (!isDirectory) yield { relative, pathValues: from.pathValues };
    else if (rule.enters(relative))
      yield* walk(root, rule, { relative, pathValues: { ...from.pathValues, ...hiveValue(name) } }, here);
  }
}

interface Named {
  readonly name: string;
  readonly isDirectory: boolean;
}

/** Sorts by the bytes of whole paths: a directory sorts as if its name ended in a slash. */
async function visibleEntries(directory: string): Promise<readonly Named[]> {
  const entries: Named[] = [];
  for (const entry of await translate(directory, readdir(directory, { withFileTypes: true }))) {
    if (isHidden(entry.name)) continue;
    const kind = entry.isSymbolicLink() ? await kindOf(join(directory, entry.name)) : kindOfEntry(entry);
    if (kind === "file" || kind === "directory")
      entries.push({ name: entry.name, isDirectory: kind === "directory" });
  }
  const key = ({ name, isDirectory }: Named): Buffer => Buffer.from(isDirectory ? `${name}/` : name);
  return entries.sort((a, b) => Buffer.compare(key(a), key(b)));
}

/** Spark's rule: `_SUCCESS` and `.crc` files are not data, a partition `_day=1` is. */
function isHidden(name: string): boolean {
  return name.startsWith(".") || (name.startsWith("_") && !name.includes("="));
}

function hiveValue(name: string): { readonly [column: string]: string } {
  const at = name.indexOf("=");
  return at <= 0 ? {} : { [decoded(name.slice(0, at))]: decoded(name.slice(at + 1)) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A lone `%` was never encoded.
  }
}
