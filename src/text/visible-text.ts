/** Text of data, models and servers, made safe to show: it cannot move a cursor, start a line or turn the reading direction. */

/** Control characters, separators of lines and paragraphs, and controls of the reading direction. */
const unsafe = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;
const replacement = "\ufffd";

/** The text on one line: every character that could end the line or change how it is read becomes U+FFFD. */
export function oneLine(text: string): string {
  return text.replace(unsafe, replacement);
}
