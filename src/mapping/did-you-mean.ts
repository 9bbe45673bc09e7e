import { closest } from "../text/closest-word.js";

/** A hint for a name that does not exist: the close one, else all there are. */
export function didYouMean(name: string, candidates: readonly string[], what: string): string {
  const meant = closest(name, candidates);
  if (meant !== null) return `did you mean "${meant}"?`;
  return candidates.length === 0 ? `there are no ${what}` : `the ${what} are: ${abridged(candidates)}`;
}

/** Names for a message: the first dozen or so, and how many more. */
export function abridged(names: readonly string[], limit = 12): string {
  if (names.length <= limit + 1) return names.join(", ");
  return `${names.slice(0, limit).join(", ")} and ${names.length - limit} more`;
}
