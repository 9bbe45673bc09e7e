/** Text of data, models and servers, made safe to show: it cannot move a cursor, start a line or turn the reading direction. */

/** Control characters, separators of lines and paragraphs, and controls of the reading direction. */
const unsafe = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;
const replacement = "\ufffd";

/** The text on one line: every character that could end the line or change how it is read becomes U+FFFD. */
export function oneLine(text: string): string {
  return text.replace(unsafe, replacement);
}

/** Control characters but newlines and tabs; a sequence of colours that this program writes is kept whole. */
const unprintable =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  /(\x1b\[(?:1|2|22|31|32|33|36|39)m)|[\x00-\x08\x0b-\x1f]|[\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/**
 * What may be written to a terminal or a log. Characters that JSON leaves as they are become escapes, in which JSON that is
 * written still says the same; those that JSON never holds become U+FFFD.
 */
export function printable(text: string): string {
  return text.replace(unprintable, (character, colour: string | undefined) => {
    if (colour !== undefined) return colour;
    const code = character.charCodeAt(0);
    return code < 0x20 ? replacement : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** A text whose further lines are indented, so that none of them looks like a line of its own. */
export function indented(text: string): string {
  return text.replace(/\r\n|[\r\n\u0085\u2028\u2029]/g, "\n  ");
}
