/** A named path that is not there, with what may have been meant. */
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { SpecError } from "../../errors.js";
import { kindOf } from "./stat.js";

export async function notFound(pattern: string, path: string): Promise<SpecError> {
  const close = await similarSibling(path);
  return new SpecError("source.not-found", `${pattern} is not there`, {
    hint:
      close === null
        ? "Check the path: it is relative to the spec, or to where the command runs."
        : `Did you mean ${close}?`,
    details: { pattern, ...(close === null ? {} : { suggestion: close }) },
  });
}

/** The nearest name beside the first part of the path that is missing. */
async function similarSibling(path: string): Promise<string | null> {
  let missing = path;
  while (dirname(missing) !== missing && (await kindOf(dirname(missing))) === null)
    missing = dirname(missing);
  const names = await readdir(dirname(missing)).catch(() => []);
  const wanted = basename(missing);
  const ranked = names
    .map((name) => ({ name, edits: editDistance(name.toLowerCase(), wanted.toLowerCase()) }))
    .filter(({ edits }) => edits <= Math.max(1, Math.floor(wanted.length / 3)))
    .sort((a, b) => a.edits - b.edits || (a.name < b.name ? -1 : 1));
  return ranked[0] === undefined ? null : join(dirname(missing), ranked[0].name);
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
