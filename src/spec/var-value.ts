/**
 * Checks values of variables: whether a value has its declared type, and whether it may be used in a path.
 */
import type { JsonValue } from "../errors.js";
import { isCalendarDate } from "../time/interval.js";

export interface VarDeclaration {
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  /** Has to match the whole value. */
  readonly pattern?: string | undefined;
}

export type VarValue = string | number | boolean;

export type CheckedValue =
  | { readonly kind: "value"; readonly value: VarValue }
  | {
      readonly kind: "mistake";
      readonly message: string;
      /** The expected type in words, without the value. */
      readonly expected: string;
      readonly suggestion: string | null;
    };

const maxLength = 4096;

/**
 * Checks a value against its declaration. Text is converted, because the command line and environment
 * variables only have text. Other types are not converted: a number is not a `string`.
 */
export function valueOfVar({ type, pattern }: VarDeclaration, value: JsonValue): CheckedValue {
  switch (type) {
    case "string":
      return stringValue(pattern, value);
    case "integer": {
      const number = numberOf(value, /^[+-]?\d+$/);
      if (number === null || !Number.isInteger(number)) return mistake(value, "an integer", null);
      if (Number.isSafeInteger(number)) return { kind: "value", value: number };
      return mistake(value, "an integer that keeps its digits", "declare it as `type: string`");
    }
    case "number": {
      const number = numberOf(value, /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/);
      return number === null ? mistake(value, "a number", null) : { kind: "value", value: number };
    }
    case "boolean":
      if (typeof value === "boolean") return { kind: "value", value };
      if (value === "true" || value === "false") return { kind: "value", value: value === "true" };
      return mistake(value, "`true` or `false`", null);
    case "date":
      if (typeof value === "string" && isCalendarDate(value)) return { kind: "value", value };
      return mistake(value, "a date of the calendar", "write it as 2026-01-15");
  }
}

function stringValue(pattern: string | undefined, value: JsonValue): CheckedValue {
  if (typeof value !== "string") return mistake(value, "a string", "quote it");
  if (value.length > maxLength) return mistake(value, `a string of at most ${maxLength} characters`, null);
  const regex = pattern === undefined ? undefined : compiledPattern(pattern);
  if (regex === undefined || regex?.test(value)) return { kind: "value", value };
  return mistake(value, `a string that matches \`${pattern}\` as a whole`, null);
}

/** Returns `null` if the text is not a regular expression. */
export function compiledPattern(pattern: string): RegExp | null {
  try {
    return new RegExp(`^(?:${pattern})$`, "u");
  } catch {
    return null;
  }
}

function numberOf(value: JsonValue, syntax: RegExp): number | null {
  const number = typeof value === "string" && syntax.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

function mistake(value: JsonValue, expected: string, suggestion: string | null): CheckedValue {
  return { kind: "mistake", message: `${shown(value)} is not ${expected}`, expected, suggestion };
}

function shown(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

export interface UnsafeText {
  /** Completes "the value has …". */
  readonly what: string;
  /** Whether the job's author may allow it by a pattern. */
  readonly isAllowedByPattern: boolean;
}

/** Control characters, line separators, bidirectional controls, unpaired surrogates. */
const unreadable = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;

/**
 * Reports what prevents a given value from being used in a path or a name, or `null`. A value is one step of
 * a path: it must not lead elsewhere or select several files. A pattern may allow separators and glob
 * characters, but no `..` step and no control character.
 */
export function unsafeInPath(value: VarValue, pattern: string | undefined): UnsafeText | null {
  if (typeof value !== "string") return null;
  const unsafe = (what: string, isAllowedByPattern = true): UnsafeText => ({ what, isAllowedByPattern });
  if (unreadable.test(value)) return unsafe("a control character", false);
  if (/(^|[/\\])\.\.?([/\\]|$)/.test(value)) return unsafe("a step `.` or `..`", false);
  if (pattern !== undefined) return null;
  if (value === "") return unsafe("nothing");
  if (value.includes("..")) return unsafe("`..`");
  if (/[/\\]/.test(value)) return unsafe("a separator of paths");
  if (/[*?[\]{}!()]/.test(value)) return unsafe("a glob character");
  if (value.startsWith("~")) return unsafe("`~` at its beginning");
  return null;
}
