/** What a command says beside its data: a sentence for people, or one line of a service's log. */
import { type LogFields, type LogLevel, logText } from "../../text/log-text.js";
import { indented } from "../../text/visible-text.js";
import type { Paint } from "./paint.js";

export interface Note {
  readonly level: LogLevel;
  /** For logs: a few words without values, by which log collectors group. */
  readonly message: string;
  /** For people, without `warning:`. */
  readonly text: string;
  /** For logs, in place of the text. */
  readonly fields?: LogFields;
}

/** A warning whose kind is in its text alone. */
export function warningNote(text: string): Note {
  return { level: "warn", message: "warning", text };
}

export function noteText(note: Note, paint: Paint): string {
  const { level } = note;
  const text = indented(note.text);
  if (level === "warn") return paint.yellow(`warning: ${text}`);
  return level === "error" ? paint.red(text) : text;
}

export function noteLogText({ level, message, text, fields = { text } }: Note, at: Date): string {
  return logText(at, { level, message, fields });
}
