/** Formats log lines in logfmt style: `time level message key=value`. */

export type LogLevel = "info" | "warn" | "error";

/** Fields without a value are left out. */
export type LogFields = { readonly [key: string]: string | number | boolean | null | undefined };

export interface LogEntry {
  readonly level: LogLevel;
  /** A short constant text without values. */
  readonly message: string;
  readonly fields: LogFields;
}

/** Formats an entry as a single line, regardless of the characters in its values. */
export function logText(at: Date, { level, message, fields }: LogEntry): string {
  const pairs = Object.entries(fields).flatMap(([key, value]) =>
    value === null || value === undefined ? [] : [` ${key}=${valueText(value)}`],
  );
  return `${at.toISOString()} ${level.padEnd(5)} ${message}${pairs.join("")}`;
}

function valueText(value: string | number | boolean): string {
  const text = String(value);
  if (text !== "" && !/[\s"=\\\p{Cc}]/u.test(text)) return text;
  // `JSON.stringify` does not escape C1 control characters.
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
