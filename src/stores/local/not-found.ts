/** Error for a path that does not exist, with a suggestion. */
import { readdir } from "node:fs/promises";
import { basename, dirname, extname, join, parse } from "node:path";
import { SpecError } from "../../errors.js";
import { closest } from "../../text/closest-word.js";
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

/** Returns the most similar name to the first missing part of the path. */
async function similarSibling(path: string): Promise<string | null> {
  let missing = path;
  while (dirname(missing) !== missing && (await kindOf(dirname(missing))) === null)
    missing = dirname(missing);
  const names = await readdir(dirname(missing)).catch(() => []);
  const name = closestFile(basename(missing), names.sort());
  return name === null ? null : join(dirname(missing), name);
}

/** Names are compared without extensions, since a common `.parquet` makes them look alike. */
function closestFile(name: string, names: readonly string[]): string | null {
  const stemOf = (one: string): string => parse(one).name;
  const stem = closest(stemOf(name), names.map(stemOf));
  if (stem === null) return null;
  const alike = names.filter((one) => stemOf(one) === stem);
  return alike.find((one) => extname(one) === extname(name)) ?? alike[0] ?? null;
}
