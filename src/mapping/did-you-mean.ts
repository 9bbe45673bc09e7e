import { editDistance } from "../text/closest-word.js";

/** The candidate that a mistyped name most likely meant, or `null` when none is close. */
export function closest(name: string, candidates: readonly string[]): string | null {
  const folded = fold(name);
  const sameLetters = candidates.find((candidate) => fold(candidate) === folded);
  if (sameLetters !== undefined) return sameLetters;
  const limit = Math.floor(name.length * 0.4);
  let best: string | null = null;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const distance = editDistance(folded, fold(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

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

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_.-]/g, "");
}
