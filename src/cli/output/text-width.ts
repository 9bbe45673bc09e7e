/** How many terminal cells a text takes, and cutting to a number of cells. */

const narrow = /^[\x20-\x7e]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one.
const escapes = /\x1b\[[0-9;?]*[A-Za-z]/g;
const invisible = /^[\p{Mark}\p{Control}\p{Format}]$/u;
const emoji = /\p{Emoji_Presentation}|\ufe0f/u;
let segmenter: Intl.Segmenter | null = null;

/** Made when a text first needs it: it takes longer than all else that a short command does. */
function graphemes(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  return segmenter.segment(text);
}

/** East Asian Wide and Fullwidth blocks, end-inclusive (Unicode 15, EastAsianWidth.txt, neighbours merged). */
const wide: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x1b000, 0x1b2ff],
  [0x20000, 0x3fffd],
];

export function textWidth(text: string): number {
  if (narrow.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes(text.replace(escapes, ""))) width += cells(segment);
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
  if (emoji.test(grapheme)) return 2;
  return wide.some(([first, last]) => point >= first && point <= last) ? 2 : 1;
}
