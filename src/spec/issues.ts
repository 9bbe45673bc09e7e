/** Translates zod's issues into problems with plain messages. */
import type { z } from "zod";
import type { JsonValue } from "../errors.js";
import type { Problem, SpecPath } from "../job/spec-problem.js";
import { closest } from "../text/closest-word.js";
import { didYouMean } from "./did-you-mean.js";
import { insteadOfLaterKey } from "./later-keys.js";
import { samePath } from "./problem.js";
import { exampleAt, knownKeys } from "./schema-walk.js";
import { valueAt } from "./spec-source.js";

type Issue = z.core.$ZodIssue;

export function problemsOfIssues(
  schema: z.ZodType,
  tree: JsonValue,
  issues: readonly Issue[],
): readonly Problem[] {
  const problems = issues.flatMap((issue) => problemsOf({ schema, tree }, issue, []));
  const misspelt = problems.flatMap((problem) => meantBy(problem, schema));
  return problems.filter((problem) => !misspelt.some((path) => followsFrom(problem, path)));
}

/** Returns the path of the key that an unknown key was probably meant to be. */
function meantBy({ code, path }: Problem, schema: z.ZodType): readonly SpecPath[] {
  if (code !== "spec.unknown-key") return [];
  const parent = path.slice(0, -1);
  const meant = closest(String(path.at(-1)), knownKeys(schema, parent));
  return meant === null ? [] : [[...parent, meant]];
}

/** A misspelt key is also missing under its right name: this is one mistake, not two. */
function followsFrom({ code, path }: Problem, misspelt: SpecPath): boolean {
  if (code === "spec.missing-key") return samePath(path, misspelt);
  return code === "spec.incomplete" && samePath(path, misspelt.slice(0, -1));
}

/** A mapping with more unknown keys is not meant as a spec. */
const maxUnknownKeys = 100;

interface Context {
  readonly schema: z.ZodType;
  readonly tree: JsonValue;
}

function problemsOf(context: Context, issue: Issue, parent: SpecPath): readonly Problem[] {
  const path = [...parent, ...issue.path.map((step) => (typeof step === "symbol" ? String(step) : step))];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.slice(0, maxUnknownKeys).map((key) => unknownKey(context, path, key));
    case "invalid_union":
      return problemsOfUnion(context, issue, path);
    case "invalid_type":
      return [wrongType(context, path, [typeWords[issue.expected] ?? issue.expected])];
    case "invalid_value":
      return [wrongValue(context, path, issue.values.map(String))];
    case "custom":
      return [
        problem(
          path,
          codeIn(issue.params),
          issue.message,
          suggestionIn(issue.params) ?? exampleText(context, path),
        ),
      ];
    default:
      return [problem(path, "spec.invalid-value", issue.message, exampleText(context, path))];
  }
}

function unknownKey(context: Context, parent: SpecPath, key: string): Problem {
  const path = [...parent, key];
  const instead = insteadOfLaterKey(parent, key);
  if (instead !== null)
    return {
      path,
      at: "key",
      code: "spec.not-supported",
      message: `\`${key}\` is not supported by this version`,
      suggestion: instead,
    };
  if (key === "<<")
    return {
      path,
      at: "key",
      code: "spec.unknown-key",
      message: "merge keys are not supported",
      suggestion: "write the keys out",
    };
  const known = knownKeys(context.schema, parent);
  const present = valueAt(context.tree, parent);
  const free = known.filter((name) => valueAt(present ?? null, [name]) === undefined);
  const suggestion = didYouMean(closest(key, free)) ?? `it may be ${listed(known)}`;
  return {
    path,
    at: "key",
    code: "spec.unknown-key",
    message: `there is no key \`${key}\` here`,
    suggestion,
  };
}

/** The author meant the union's branch that matches the kind of the written value. */
function problemsOfUnion(
  context: Context,
  issue: z.core.$ZodIssueInvalidUnion,
  path: SpecPath,
): readonly Problem[] {
  const meant = issue.errors.find((branch) => !branch.some(isWrongKind));
  if (meant !== undefined) return meant.flatMap((inner) => problemsOf(context, inner, path));
  const flat = issue.errors.flatMap(wrongKinds);
  const words = flat.flatMap((inner) =>
    inner.code === "invalid_type" ? [typeWords[inner.expected] ?? inner.expected] : [],
  );
  const values = flat.flatMap((inner) => (inner.code === "invalid_value" ? inner.values.map(String) : []));
  const near = didYouMean(nearest(valueAt(context.tree, path), values));
  const wrong = wrongType(context, path, [...words, ...values.map((value) => `\`${value}\``)]);
  return [near === null ? wrong : { ...wrong, suggestion: near }];
}

function isWrongKind(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === "invalid_union") return issue.errors.every((branch) => branch.some(isWrongKind));
  return issue.code === "invalid_type" || issue.code === "invalid_value";
}

function wrongKinds(branch: readonly Issue[]): readonly Issue[] {
  return branch.flatMap((issue) =>
    issue.code === "invalid_union" ? issue.errors.flatMap(wrongKinds) : [issue],
  );
}

function wrongType(context: Context, path: SpecPath, expected: readonly string[]): Problem {
  const value = valueAt(context.tree, path);
  const suggestion = exampleText(context, path);
  if (value === undefined) {
    const key = path.at(-1) ?? "";
    return { path, at: "value", code: "spec.missing-key", message: `\`${key}\` is missing`, suggestion };
  }
  const wantsNumber = expected.includes("a number") || expected.includes("a whole number");
  const isQuoted = typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value));
  const found = typeof value === "string" ? `the text ${describe(value)}` : describe(value);
  const message = `expected ${listed(expected)}, found ${found}`;
  return problem(
    path,
    "spec.wrong-type",
    message,
    wantsNumber && isQuoted ? "remove the quotes" : suggestion,
  );
}

function wrongValue(context: Context, path: SpecPath, values: readonly string[]): Problem {
  const value = valueAt(context.tree, path);
  const allowed = values.map((text) => `\`${text}\``);
  if (value === undefined) return wrongType(context, path, allowed);
  const message = `expected ${listed(allowed)}, found ${describe(value)}`;
  const suggestion =
    didYouMean(nearest(value, values)) ??
    (values.length === 1 ? `write \`${values[0]}\`` : `choose one of ${values.join(", ")}`);
  return problem(path, "spec.invalid-value", message, suggestion);
}

function nearest(value: JsonValue | undefined, values: readonly string[]): string | null {
  return typeof value === "string" ? closest(value, values) : null;
}

function problem(path: SpecPath, code: string, message: string, suggestion: string | null): Problem {
  return { path, at: "value", code, message, suggestion };
}

function codeIn(params: { readonly [key: string]: unknown } | undefined): string {
  return typeof params?.code === "string" ? params.code : "spec.invalid-value";
}

function suggestionIn(params: { readonly [key: string]: unknown } | undefined): string | null {
  const suggestion = params?.suggestion;
  return typeof suggestion === "string" ? suggestion : null;
}

/** Returns `write \`key: example\``, if the schema has an example. */
function exampleText(context: Context, path: SpecPath): string | null {
  const example = exampleAt(context.schema, path);
  const key = path.findLast((step) => typeof step === "string");
  if (example === undefined || key === undefined) return null;
  return `for example \`${key}: ${flowText(example)}\``;
}

/** Formats a value as one line of YAML. */
function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(", ")}]`;
  if (typeof value === "object" && value !== null)
    return `{ ${Object.entries(value)
      .map(([key, inner]) => `${key}: ${flowText(inner)}`)
      .join(", ")} }`;
  return typeof value === "string" && /^\d+$|\{\{/.test(value) ? JSON.stringify(value) : String(value);
}

const typeWords: { readonly [zodType: string]: string } = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "`true` or `false`",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};

function describe(value: JsonValue): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  return typeof value === "string" ? `\`${value}\`` : `the ${typeof value} \`${value}\``;
}

function listed(words: readonly string[]): string {
  const unique = [...new Set(words)];
  const last = unique.pop() ?? "";
  return unique.length === 0 ? last : `${unique.join(", ")} or ${last}`;
}
