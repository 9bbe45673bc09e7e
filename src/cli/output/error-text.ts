import { type JsonValue, type NightshiftError, toErrorRecord } from "../../errors.js";
import { InvalidSpecError } from "../../spec/invalid-spec-error.js";
import { indented, oneLine } from "../../text/visible-text.js";
import { bugsUrl } from "../../wiring/packaged.js";
import type { Printer } from "../shell/context.js";
import { invalidSpecText } from "./diagnostics-text.js";
import { wrapLines } from "./fit.js";

/** An error for people: what and where, what to do, and with `verbose` what lies under it. */
export function errorText(
  error: NightshiftError,
  { paint, width }: Pick<Printer, "paint" | "width">,
  verbose: boolean,
): string {
  if (error instanceof InvalidSpecError) return invalidSpecText(error, { paint, width });
  if (error.kind === "cancelled") return `${paint.yellow("interrupted")}: nothing was changed`;
  const lines = [`${paint.red(paint.bold("error:"))} ${indented(error.message)}`];
  for (const [name, value] of worthShowing(error)) lines.push(`  ${paint.dim(`${name}:`)} ${oneLine(value)}`);
  if (error.hint !== undefined) lines.push(`  ${paint.cyan("hint:")} ${indented(error.hint)}`);
  lines.splice(0, lines.length, ...lines.map((line) => wrapLines(line, width)));
  if (error.kind === "bug") {
    lines.push(paint.dim(error.stack ?? ""));
    lines.push(`This is a bug in Nightshift. Please report it with the lines above: ${bugsUrl()}`);
  } else if (verbose) {
    lines.push(paint.dim(`  code: ${error.code}`), ...causes(error).map((line) => paint.dim(`  ${line}`)));
  }
  return lines.join("\n");
}

/** The same for machines: one line of JSON. */
export function errorJson(error: NightshiftError): string {
  return JSON.stringify({ error: toErrorRecord(error) });
}

/** Simple details that the message doesn't tell already. */
function worthShowing(error: NightshiftError): readonly (readonly [string, string])[] {
  return Object.entries(error.details).flatMap(([name, value]) => {
    const text = asText(value);
    return text === null || error.message.includes(text) || error.hint?.includes(text)
      ? []
      : [[spaced(name), text] as const];
  });
}

function asText(value: JsonValue): string | null {
  if (typeof value === "string" || typeof value === "number") return String(value);
  if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string"))
    return value.length > 10 ? `${value.slice(0, 10).join(", ")}, …` : value.join(", ");
  return null;
}

/** `rowGroup` -> `row group`. */
function spaced(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function causes(error: Error): readonly string[] {
  const lines: string[] = [];
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
    lines.push(`caused by ${cause.name}: ${cause.message}`);
  return lines;
}
