/** What a command says beside its data: a sentence for people, or one line of a service's log. */
import type { Note } from "../../service/context.js";
import { logText } from "../../text/log-text.js";
import { indented } from "../../text/visible-text.js";
import type { Paint } from "./paint.js";

export function noteText(note: Note, paint: Paint): string {
  const { level } = note;
  const text = indented(note.text);
  if (level === "warn") return paint.yellow(`warning: ${text}`);
  return level === "error" ? paint.red(text) : text;
}

export function noteLogText({ level, message, text, fields = { text } }: Note, at: Date): string {
  return logText(at, { level, message, fields });
}
