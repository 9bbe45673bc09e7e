/** Diagnostics as text: file, line and column, the line itself, a caret under what is meant, and what to do. */
import type { Diagnostic, Sources } from "./diagnostic.js";

const maxLineWidth = 120;

/** One block a diagnostic, empty lines between them. Pure. */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: Sources,
  options: { readonly color: boolean },
): string {
  const paint = options.color ? ansi : plain;
  return diagnostics.map((diagnostic) => renderOne(diagnostic, sources, paint).join("\n")).join("\n\n");
}

type Paint = {
  readonly [role in "place" | "error" | "gutter" | "caret" | "suggestion"]: (text: string) => string;
};

function renderOne(diagnostic: Diagnostic, sources: Sources, paint: Paint): readonly string[] {
  const { file, line, column, message, suggestion } = diagnostic;
  const place = file === null ? diagnostic.path : `${file}:${line}:${column}`;
  const head = `${paint.place(place)} ${paint.error("error")}: ${message} ${paint.gutter(`[${diagnostic.code}]`)}`;
  const help = suggestion === null ? "" : paint.suggestion(suggestion);
  const text = file === null ? undefined : sources[file]?.split(/\r\n|\r|\n/)[line - 1];
  if (text === undefined) return help === "" ? [head] : [head, `  ${help}`];

  const window = cropAround(text, column - 1, diagnostic.endColumn - 1);
  const number = String(line);
  const empty = paint.gutter(`${" ".repeat(number.length)} |`);
  const marks = paint.caret("^".repeat(Math.max(1, window.end - window.start)));
  // A tab stays a tab, so that the caret stands under its text at any tab width.
  const indent = window.text.slice(0, window.start).replace(/[^\t]/g, " ");
  return [
    head,
    empty,
    `${paint.gutter(`${number} |`)} ${window.text}`,
    `${empty} ${indent}${marks}${help === "" ? "" : ` ${help}`}`,
  ];
}

interface Window {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A part of a long line around the range, with dots where something is left out. */
function cropAround(text: string, start: number, end: number): Window {
  const stop = Math.min(Math.max(end, start + 1), Math.max(text.length, start + 1));
  if (text.length <= maxLineWidth) return { text, start, end: stop };
  const from = Math.max(0, Math.min(start - 20, text.length - maxLineWidth));
  const before = from > 0 ? "…" : "";
  const after = from + maxLineWidth < text.length ? "…" : "";
  return {
    text: before + text.slice(from, from + maxLineWidth) + after,
    start: start - from + before.length,
    end: Math.min(stop - from, maxLineWidth) + before.length,
  };
}

const plain: Paint = {
  place: (text) => text,
  error: (text) => text,
  gutter: (text) => text,
  caret: (text) => text,
  suggestion: (text) => text,
};

const style =
  (code: string) =>
  (text: string): string =>
    `\u001b[${code}m${text}\u001b[0m`;

const ansi: Paint = {
  place: style("1"),
  error: style("1;31"),
  gutter: style("2"),
  caret: style("1;31"),
  suggestion: style("36"),
};
