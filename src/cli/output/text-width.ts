/** Measures text in terminal cells and cuts it to a number of cells. */
import { stripVTControlCharacters } from "node:util";
import { eastAsianWidth } from "get-east-asian-width";

const narrow = /^[\x20-\x7e]*$/;
const invisible = /^[\p{Mark}\p{Control}\p{Format}]$/u;
const emoji = /\p{Emoji_Presentation}|\ufe0f/u;
let segmenter: Intl.Segmenter | null = null;

/** Creates the segmenter at its first use: that takes longer than everything else a short command does. */
function graphemes(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return segmenter.segment(text);
}

/** Returns the number of cells. Escape sequences and control characters take none. */
export function textWidth(text: string): number {
  if (narrow.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes(stripVTControlCharacters(text))) width += cells(segment);
  return width;
}

/** Cuts to at most `width` cells; what is cut ends in an ellipsis. For text without escape sequences. */
export function truncate(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const { segment } of graphemes(text)) {
    if (used + cells(segment) > width - 1) break;
    kept += segment;
    used += cells(segment);
  }
  return `${kept}…`;
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - textWidth(text)));
}

export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - textWidth(text))) + text;
}

function cells(grapheme: string): number {
  const point = grapheme.codePointAt(0) ?? 0;
  if (invisible.test(String.fromCodePoint(point))) return 0;
  return emoji.test(grapheme) ? 2 : eastAsianWidth(point);
}
