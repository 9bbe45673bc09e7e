// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/**
 * Keys of the job language that this version does not support. They are refused like unknown keys, but with a
 * message that says so, since they are not misspelt.
 */
import type { SpecPath } from "../job/spec-problem.js";

/** By section of the spec, then by key: the alternative. */
const later: { readonly [section: string]: { readonly [key: string]: string } } = {
  "": {
    events: "start `nightshift run` from what sees the events",
    connections: "name the database by its URL, from the environment: `from: ${DATABASE_URL}`",
  },
};

/** Returns the alternative to a key of a later version, or `null` for a key that no version knows. */
export function insteadOfLaterKey(parent: SpecPath, key: string): string | null {
  const section = later[String(parent[0] ?? "")];
  return section !== undefined && Object.hasOwn(section, key) ? (section[key] ?? null) : null;
}
