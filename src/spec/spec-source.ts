/** Locates the values of a spec. */
import type { JsonValue } from "../errors.js";
import type { Problem, SpecPath } from "../job/spec-problem.js";
import type { Diagnostic } from "./diagnostic.js";
import { formatPath } from "./problem.js";

/** One-based line and columns; `endColumn` is exclusive. */
export interface Location {
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
}

export interface SpecSource {
  /** Displayed name; `null` if there is no file. */
  readonly file: string | null;
  readonly tree: JsonValue;
  locate(problem: Pick<Problem, "path" | "at" | "span">): Location;
}

/** A spec that was built in a program: problems are located by path. */
export function objectSource(tree: JsonValue): SpecSource {
  return { file: null, tree, locate: () => ({ line: 0, column: 0, endColumn: 0 }) };
}

/** A user does not read more, and a file that is not a spec may have a problem on every line. */
const maxProblems = 100;

/**
 * Converts problems to diagnostics in the order of the file, each once: with an alias, one mistake appears at
 * many paths.
 */
export function locateProblems(problems: readonly Problem[], source: SpecSource): readonly Diagnostic[] {
  const diagnostics = problems.slice(0, maxProblems).map((problem): Diagnostic => {
    const { code, message, suggestion } = problem;
    const path = formatPath(problem.path);
    return { file: source.file, path, ...source.locate(problem), code, message, suggestion };
  });
  const unique = new Map(
    diagnostics.map((diagnostic) => {
      const place = source.file === null ? diagnostic.path : `${diagnostic.line}:${diagnostic.column}`;
      return [`${place} ${diagnostic.code} ${diagnostic.message}`, diagnostic];
    }),
  );
  return [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}

/** Returns the value at a path, or `undefined`. */
export function valueAt(tree: JsonValue, path: SpecPath): JsonValue | undefined {
  let value: JsonValue | undefined = tree;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as { readonly [key: string | number]: JsonValue })[step];
  }
  return value;
}

/** Returns a copy of the tree with every string passed through `replace`. Keys are not changed. */
export function mapStrings(
  tree: JsonValue,
  replace: (text: string, path: SpecPath) => JsonValue,
  path: SpecPath = [],
): JsonValue {
  if (typeof tree === "string") return replace(tree, path);
  if (Array.isArray(tree))
    return tree.map((item: JsonValue, index) => mapStrings(item, replace, [...path, index]));
  if (typeof tree !== "object" || tree === null) return tree;
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => [key, mapStrings(value, replace, [...path, key])]),
  );
}
