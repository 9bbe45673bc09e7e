/** Finds the word that a misspelled one most likely means. */
import { distance } from "fastest-levenshtein";

/**
 * Returns the nearest candidate by edit distance, or `null` if none is close. Case and the separators of words (`_`, `-`,
 * `.`, space) do not count. At most a third of the letters may differ; a swap of two neighbours counts as one edit.
 */
export function closest(word: string, candidates: Iterable<string>): string | null {
  const wanted = fold(word);
  const allowed = Math.max(1, Math.floor(word.length / 3));
  const swapped = withNeighboursSwapped(wanted);
  let best: string | null = null;
  let fewestEdits = allowed + 1;
  for (const candidate of candidates) {
    const folded = fold(candidate);
    if (Math.abs(folded.length - wanted.length) > allowed) continue;
    const edits = Math.min(distance(wanted, folded), ...swapped.map((one) => distance(one, folded) + 1));
    if (edits >= fewestEdits) continue;
    best = candidate;
    fewestEdits = edits;
  }
  return best;
}

function fold(word: string): string {
  return word.toLowerCase().replaceAll(/[\s_.-]/g, "");
}

/** Returns the word once for each pair of neighbouring letters, with that pair swapped. */
function withNeighboursSwapped(word: string): readonly string[] {
  return Array.from(
    { length: Math.max(0, word.length - 1) },
    (_, at) => word.slice(0, at) + word.charAt(at + 1) + word.charAt(at) + word.slice(at + 2),
  );
}
