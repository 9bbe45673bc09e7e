/** A suggestion in words, where there is a word to suggest. */
export function didYouMean(candidate: string | null): string | null {
  return candidate === null ? null : `did you mean \`${candidate}\`?`;
}
