/** Text for people on narrow terminals: lines break between words. */
import { textWidth } from "./text-width.js";

/** Words, where `…` in backticks is one: a command is not torn apart, so that it can be copied. */
const words = /(?:`[^`\n]*`|[^\s`])+/g;

/** Breaks the lines that are too long between words; what follows a break stands as far right as the line began. */
export function wrapLines(text: string, width: number | null): string {
  if (width === null) return text;
  return text
    .split("\n")
    .map((line) => wrapLine(line, width, " ".repeat(indentOf(line))))
    .join("\n");
}

/**
 * The same for help: what an option means goes below it where there is no room beside it, and examples break as a shell
 * reads them.
 */
export function fitHelp(text: string, width: number): string {
  return text
    .split("\n")
    .map((line) => fitLine(line, width))
    .join("\n");
}

/** Cells that are left for a meaning beside its term, at least. */
const narrowestMeaning = 24;

function fitLine(line: string, width: number): string {
  if (textWidth(line) <= width) return line;
  const indent = indentOf(line);
  if (/^ +nightshift /.test(line))
    return wrapLine(line, width - 2, " ".repeat(indent + 4)).replaceAll("\n", " \\\n");
  const [, term, gap, meaning] = /^( +\S(?:.*?\S)?)( {2,})(\S.*)$/.exec(line) ?? [];
  if (term === undefined || gap === undefined || meaning === undefined)
    return wrapLine(line, width, " ".repeat(indent));
  const beside = term.length + gap.length;
  if (width - beside >= narrowestMeaning) return wrapLine(line, width, " ".repeat(beside), beside);
  const below = " ".repeat(indent + 4);
  return `${term}\n${wrapLine(below + meaning, width, below)}`;
}

/** @param keep cells at the beginning that are not broken */
function wrapLine(line: string, width: number, hanging: string, keep = indentOf(line)): string {
  if (textWidth(line) <= width) return line;
  const lines: string[] = [];
  let current = line.slice(0, keep);
  let isEmpty = true;
  for (const [word] of line.slice(keep).matchAll(words)) {
    const joined = isEmpty ? current + word : `${current} ${word}`;
    if (!isEmpty && textWidth(joined) > width) {
      lines.push(current);
      current = hanging + word;
    } else current = joined;
    isEmpty = false;
  }
  return [...lines, current].join("\n");
}

function indentOf(line: string): number {
  return /^ */.exec(line)?.[0].length ?? 0;
}
