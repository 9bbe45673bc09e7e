/** Formats commands that can be pasted into a shell. */

/** Quotes a word if the shell would split or expand it. */
function shellWord(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Joins words to a command and quotes each word that needs it. */
export function shellLine(...words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}
