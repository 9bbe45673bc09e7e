/** Diagnostics for people: file, line and column, the line itself, a caret under what is meant, and what to do. */
import type { Diagnostic, Sources } from "../../spec/diagnostic.js";
import type { InvalidSpecError } from "../../spec/invalid-spec-error.js";
import { oneLine } from "../../text/visible-text.js";
import type { Printer } from "../shell/context.js";
import { wrapLines } from "./fit.js";
import { textWidth } from "./text-width.js";

type Look = Pick<Printer, "paint" | "width">;

/** Cells of a line of the spec that are shown, at most and at least. */
const maxLineWidth = 120;
const minLineWidth = 20;

/** All mistakes of a spec, and the hint at the end. */
export function invalidSpecText(error: InvalidSpecError, look: Look): string {
  const mistakes = diagnosticsText(error.diagnostics, error.sources, look);
  return `${mistakes}\n\n${wrapLines(`${error.summary}; ${error.hint}`, look.width)}`;
}

/** One block a diagnostic, empty lines between them. */
export function diagnosticsText(diagnostics: readonly Diagnostic[], sources: Sources, look: Look): string {
  return diagnostics.map((diagnostic) => blockOf(diagnostic, sources, look).join("\n")).join("\n\n");
}

function blockOf(diagnostic: Diagnostic, sources: Sources, { paint, width }: Look): readonly string[] {
  const { file, line, column, message, suggestion, code } = diagnostic;
  const place = file === null ? diagnostic.path : `${file}:${line}:${column}`;
  const error = paint.red(paint.bold("error"));
  const head = wrapLines(
    `${paint.bold(oneLine(place))} ${error}: ${oneLine(message)} ${paint.dim(`[${code}]`)}`,
    width,
  );
  const help = suggestion === null ? "" : oneLine(suggestion);
  const text = file === null ? undefined : sources[file]?.split(/\r\n|\r|\n/)[line - 1];
  if (text === undefined) return help === "" ? [head] : [head, wrapLines(`  ${paint.cyan(help)}`, width)];

  const number = String(line);
  const before = number.length + " | ".length;
  const room = width === null ? maxLineWidth : Math.max(minLineWidth, width - before - "……".length);
  const window = cropAround(text, column - 1, diagnostic.endColumn - 1, Math.min(maxLineWidth, room));
  const empty = paint.dim(`${" ".repeat(number.length)} |`);
  const marks = paint.red(paint.bold("^".repeat(Math.max(1, window.end - window.start))));
  // A tab stays a tab, so that the caret stands under its text at any tab width.
  const indent = window.text.slice(0, window.start).replace(/[^\t]/g, " ");
  const marked = `${empty} ${indent}${marks}`;
  return [
    head,
    empty,
    `${paint.dim(`${number} |`)} ${safeLine(window.text)}`,
    ...helpBeside(marked, help, { paint, width }, before),
  ];
}

/** The carets with the help behind them; below them where there is no room. */
function helpBeside(marked: string, help: string, { paint, width }: Look, before: number): readonly string[] {
  if (help === "") return [marked];
  const beside = `${marked} ${paint.cyan(help)}`;
  if (width === null || textWidth(beside) <= width) return [beside];
  const margin = " ".repeat(before);
  const below = wrapLines(margin + help, width).split("\n");
  return [marked, ...below.map((line) => paint.cyan(line))];
}

/** A line of a file as it stands, tabs included: every other character that a terminal obeys becomes U+FFFD. */
function safeLine(text: string): string {
  return text.split("\t").map(oneLine).join("\t");
}

interface Window {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A part of a long line around the range, with dots where something is left out. */
function cropAround(text: string, start: number, end: number, room: number): Window {
  const stop = Math.min(Math.max(end, start + 1), Math.max(text.length, start + 1));
  if (text.length <= room) return { text, start, end: stop };
  const from = Math.max(0, Math.min(start - Math.floor(room / 6), text.length - room));
  const before = from > 0 ? "…" : "";
  const after = from + room < text.length ? "…" : "";
  return {
    text: before + text.slice(from, from + room) + after,
    start: start - from + before.length,
    end: Math.min(stop - from, room) + before.length,
  };
}
