import { SpecError } from "../errors.js";
import type { Diagnostic, Sources } from "./diagnostic.js";

/** A spec with mistakes. The error contains all of them, ready for display. */
export class InvalidSpecError extends SpecError {
  constructor(
    readonly diagnostics: readonly Diagnostic[],
    readonly sources: Sources,
    options: { readonly hint: string },
  ) {
    super("spec.invalid", message(diagnostics), {
      hint: options.hint,
      details: { diagnostics: diagnostics.map((diagnostic) => ({ ...diagnostic })) },
    });
  }

  /** The number of mistakes and their files. */
  get summary(): string {
    return summary(this.diagnostics);
  }
}

/**
 * A job made in code has no text to show, and code that catches the error prints only its message, so the
 * message contains all mistakes.
 */
function message(diagnostics: readonly Diagnostic[]): string {
  const isCode = diagnostics.length > 1 && diagnostics.every((diagnostic) => diagnostic.file === null);
  if (!isCode) return summary(diagnostics);
  const lines = diagnostics.map(({ path, message }) => `  ${path}: ${message}`);
  return `${summary(diagnostics)}:\n${lines.join("\n")}`;
}

function summary(diagnostics: readonly Diagnostic[]): string {
  const files = [...new Set(diagnostics.map((diagnostic) => diagnostic.file ?? "the job"))].join(" and ");
  const [first] = diagnostics;
  if (diagnostics.length === 1 && first !== undefined && first.file === null)
    return `${first.path}: ${first.message}`;
  return `${diagnostics.length} ${diagnostics.length === 1 ? "mistake" : "mistakes"} in ${files}`;
}
