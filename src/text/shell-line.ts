/** Commands that can be pasted into a shell. */

/** Quotes what a shell would split or expand. */
function shellWord(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Joins words to a command, each quoted where it has to be. */
export function shellLine(...words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}
