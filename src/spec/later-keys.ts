// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/**
 * Words of the job language that this version does not carry out. They are refused like unknown ones, but honestly:
 * whoever wrote them did not misspell anything.
 */
import type { SpecPath } from "../job/spec-problem.js";

/** By section of the spec, then by key: what to do instead. */
const later: { readonly [section: string]: { readonly [key: string]: string } } = {
  "": {
    events: "start `nightshift run` from what sees the events",
    connections: "name the database by its URL, from the environment: `from: ${DATABASE_URL}`",
  },
};

/** What to do instead of a key that a later version will know, or `null` for a key that none knows. */
export function insteadOfLaterKey(parent: SpecPath, key: string): string | null {
  const section = later[String(parent[0] ?? "")];
  return section !== undefined && Object.hasOwn(section, key) ? (section[key] ?? null) : null;
}
