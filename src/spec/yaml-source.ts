/** Parses a spec in YAML, with the location of each value. */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from "yaml";
import type { JsonValue } from "../errors.js";
import type { Problem, SpecPath, TextSpan } from "../job/spec-problem.js";
import type { Diagnostic } from "./diagnostic.js";
import type { Location, SpecSource } from "./spec-source.js";
import { type Mistake, structureMistakes, syntaxMistakes } from "./yaml-mistakes.js";
import { checkNesting } from "./yaml-nesting.js";

export type ParsedYaml =
  | { readonly kind: "parsed"; readonly source: SpecSource; readonly diagnostics: readonly Diagnostic[] }
  | { readonly kind: "broken"; readonly diagnostics: readonly Diagnostic[] };

/**
 * Parses a spec.
 * @param file displayed name
 * @returns `broken` if the values cannot be read; else the values, and mistakes such as duplicate keys that
 * leave the rest readable
 */
export function parseYaml(text: string, file: string): ParsedYaml {
  const tooDeep = checkNesting(text);
  const lines = new LineCounter();
  if (tooDeep !== null) {
    addLines(lines, text);
    return { kind: "broken", diagnostics: [toDiagnostic(tooDeep, text, lines, file)] };
  }
  // Uniqueness of keys is checked elsewhere: the parser's own check takes quadratic time.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const report = (mistakes: readonly Mistake[]): readonly Diagnostic[] =>
    mistakes.map((mistake) => toDiagnostic(mistake, text, lines, file));

  const syntax = syntaxMistakes(document, text);
  if (syntax.length > 0) return { kind: "broken", diagnostics: report(syntax) };
  const { mistakes, readable } = structureMistakes(document, (offset) => lines.linePos(offset).line);
  if (!readable) return { kind: "broken", diagnostics: report(mistakes) };
  const values = toValues(document, text);
  if (values.kind === "mistake") return { kind: "broken", diagnostics: report([values.mistake]) };
  return {
    kind: "parsed",
    source: {
      file,
      tree: values.tree,
      locate: (problem) => toLocation(rangeOf(document, text, problem), text, lines),
    },
    diagnostics: report(mistakes),
  };
}

type Values =
  | { readonly kind: "values"; readonly tree: JsonValue }
  | { readonly kind: "mistake"; readonly mistake: Mistake };

/** More values than the largest allowed spec can contain without aliases. */
const maxValues = 150_000;

function toValues(document: Document, text: string): Values {
  try {
    const tree = document.toJS({ maxAliasCount: 100 }) as JsonValue;
    if (countValues(tree, maxValues) < maxValues) return { kind: "values", tree };
  } catch (error) {
    // The parser throws this error if aliases multiply: "Excessive alias count".
    if (!(error instanceof ReferenceError)) throw error;
  }
  const alias = Math.max(0, text.lastIndexOf("*"));
  return {
    kind: "mistake",
    mistake: {
      range: [alias, alias + 1],
      code: "spec.too-many-aliases",
      message: "its aliases multiply to more than a spec can hold",
      suggestion: "write the values out",
    },
  };
}

/** Counts the values in the tree, including repeated ones behind aliases; stops at `limit`. */
function countValues(tree: JsonValue, limit: number): number {
  if (typeof tree !== "object" || tree === null) return 1;
  let count = 1;
  for (const value of Object.values(tree)) {
    count += countValues(value, limit - count);
    if (count >= limit) break;
  }
  return count;
}

type Range = readonly [start: number, end: number];

interface Found {
  readonly key: Node | null;
  readonly value: Node | null;
  /** Whether the whole path was found. */
  readonly complete: boolean;
}

function rangeOf(document: Document, text: string, problem: Pick<Problem, "path" | "at" | "span">): Range {
  const { key, value, complete } = find(document, problem.path);
  const keyRange = key?.range ?? null;
  const valueRange = value?.range ?? null;
  if (!complete || problem.at === "key") return trim(keyRange ?? valueRange ?? [0, 1, 1]);
  if (problem.span !== undefined && valueRange !== null) return spanIn(text, trim(valueRange), problem.span);
  const hasOwnText =
    valueRange !== null && valueRange[1] > valueRange[0] && !(isCollection(value) && !value.flow);
  return trim((hasOwnText ? valueRange : (keyRange ?? valueRange)) ?? [0, 1, 1]);
}

/** Follows a path as far as possible, also through aliases. */
function find(document: Document, path: SpecPath): Found {
  let key: Node | null = null;
  let value: Node | null = document.contents;
  for (const step of path) {
    const inside = isAlias(value) ? (value.resolve(document) ?? null) : value;
    if (isSeq(inside)) {
      const item = inside.items[Number(step)];
      if (!isNode(item)) return { key, value, complete: false };
      key = null;
      value = item;
      continue;
    }
    const pair = isMap(inside)
      ? inside.items.findLast(({ key }) => isScalar(key) && keyText(key.value) === step)
      : undefined;
    if (pair === undefined) return { key: key ?? firstKey(inside), value, complete: false };
    key = isNode(pair.key) ? pair.key : null;
    value = isNode(pair.value) ? pair.value : null;
  }
  return { key, value, complete: true };
}

/** A problem at the root of a spec has no key to point to, so the first key is used. */
function firstKey(value: Node | null): Node | null {
  const key = isMap(value) ? value.items[0]?.key : undefined;
  return isNode(key) ? key : null;
}

function keyText(value: unknown): string {
  return value === null ? "" : String(value);
}

function spanIn(text: string, [start, end]: Range, span: TextSpan): Range {
  for (const quote of [0, 1]) {
    const from = start + quote + span.start;
    if (from + span.text.length <= end && text.startsWith(span.text, from))
      return [from, from + span.text.length];
  }
  const from = text.indexOf(span.text, start);
  return from >= 0 && from < end ? [from, from + span.text.length] : [start, end];
}

function trim([start, end]: readonly [number, number, ...number[]]): Range {
  return [start, end];
}

function toDiagnostic(mistake: Mistake, text: string, lines: LineCounter, file: string): Diagnostic {
  const { code, message, suggestion, path = "" } = mistake;
  return { file, path, ...toLocation(mistake.range, text, lines), code, message, suggestion };
}

function toLocation([start, end]: Range, text: string, lines: LineCounter): Location {
  const { line, col } = lines.linePos(start);
  const lineEnd = text.slice(start).search(/\r|\n/);
  const visible = lineEnd < 0 ? text.length : start + lineEnd;
  return { line, column: col, endColumn: col + Math.max(1, Math.min(end, visible) - start) };
}

function addLines(lines: LineCounter, text: string): void {
  lines.addNewLine(0);
  for (const { index } of text.matchAll(/\n/g)) lines.addNewLine(index + 1);
}
