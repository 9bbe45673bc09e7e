/**
 * Makes text of data, models and servers safe to display: it cannot move the cursor, start a line or change
 * the reading direction.
 */

/** Control characters, line and paragraph separators, and bidirectional formatting characters. */
const unsafe = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;
const replacement = "\ufffd";

/**
 * Returns the text on one line: every character that could end the line or change how it is read becomes
 * U+FFFD.
 */
export function oneLine(text: string): string {
  return text.replace(unsafe, replacement);
}

/** Control characters except newlines and tabs. The colour sequences that this program writes are kept. */
const unprintable =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  /(\x1b\[(?:1|2|22|31|32|33|36|39)m)|[\x00-\x08\x0b-\x1f]|[\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Returns text that is safe to write to a terminal or a log. Characters that JSON does not escape become JSON
 * escapes, so that JSON output keeps its meaning. Characters that JSON never contains become U+FFFD.
 */
export function printable(text: string): string {
  return text.replace(unprintable, (character, colour: string | undefined) => {
    if (colour !== undefined) return colour;
    const code = character.charCodeAt(0);
    return code < 0x20 ? replacement : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/**
 * Indents all lines except the first, so that none of them looks like a separate message, and takes away the escape
 * character, with which data could set colours of its own: call this before the text is painted.
 */
export function indented(text: string): string {
  return text.replace(/\r\n|[\r\n\u0085\u2028\u2029]/g, "\n  ").replaceAll("\u001b", replacement);
}
