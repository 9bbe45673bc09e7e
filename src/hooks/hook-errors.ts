/**
 * Turns errors that a hook throws into errors of its author: with the place in the source and without values
 * of rows.
 */
import { NightshiftError, SpecError } from "../errors.js";
import type { FindPlace, SourcePlace } from "./source-places.js";

export interface HookErrorOptions {
  readonly path: string;
  readonly findPlace: FindPlace;
  /** Whether to include the messages of thrown errors, which may contain values of rows. */
  readonly showValues: boolean;
}

/** @param when `while it was loaded`, or an empty string */
export function hookError(thrown: unknown, when: string, options: HookErrorOptions): NightshiftError {
  const place = options.findPlace(thrown);
  if (thrown instanceof NightshiftError) return thrown instanceof SpecError ? misuse(thrown, place) : thrown;
  const what = `the hook threw ${described(thrown, options.showValues)}${when}`;
  const where = place === null ? options.path : placeText(place);
  return new SpecError("hook.failed", `${where}: ${what}${frame(place)}`, {
    hint: options.showValues
      ? "correct the hook"
      : "its message may contain values of rows, so only `nightshift preview <job>` shows it",
    details: detailsOf(place, options.path),
    cause: thrown,
  });
}

/** Adds the author's line to an error about wrong use of a chunk. The message contains no values. */
function misuse(error: SpecError, place: SourcePlace | null): SpecError {
  if (place === null) return error;
  return new SpecError(error.code, `${placeText(place)}: ${error.message}${frame(place)}`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    details: { ...error.details, ...detailsOf(place, place.file) },
    cause: error,
  });
}

function described(thrown: unknown, showValues: boolean): string {
  if (!(thrown instanceof Error)) return showValues ? `\`${String(thrown)}\`` : withArticle(typeof thrown);
  const kind = withArticle(thrown.name);
  return showValues ? `${kind}: ${thrown.message}` : kind;
}

function withArticle(noun: string): string {
  if (noun === "undefined") return noun;
  return `${/^[aeiou]/i.test(noun) ? "an" : "a"} ${noun}`;
}

function placeText({ file, line, column }: SourcePlace): string {
  return `${file}:${line}:${column}`;
}

/** Formats the line with a caret, as a compiler does. */
function frame(place: SourcePlace | null): string {
  if (place === null || place.text === null) return "";
  const number = String(place.line);
  const indent = place.text.slice(0, place.column - 1).replace(/[^\t]/g, " ");
  return `\n  ${number} | ${place.text.trimEnd()}\n  ${" ".repeat(number.length)} | ${indent}^`;
}

function detailsOf(place: SourcePlace | null, path: string) {
  return place === null ? { file: path } : { file: place.file, line: place.line, column: place.column };
}
