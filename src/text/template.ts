/**
 * Templates: `{{ name }}` and `{{ name | filter: "argument" }}` inside a string. Names are looked up in a
 * flat scope (`ds`, `var.region`); there is no code. Expansion may keep some names for later, so it can
 * happen in two stages: loading a spec expands everything except `run.*` and `model.*`, and running the plan
 * expands those.
 */
import { type JsonValue, SpecError } from "../errors.js";

/** Values by dotted name. */
export type TemplateScope = { readonly [name: string]: JsonValue };

export interface ExpandOptions {
  /** First segments of names that are not expanded: `["run", "model"]`. */
  readonly leave?: readonly string[];
  /** Whether `{{ "{{" }}` is kept, because the text is expanded a second time. */
  readonly leaveBraces?: boolean;
}

/** An expression in a text. The range covers the whole `{{ … }}` and is end-exclusive. */
export interface TemplateVariable {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

export interface TemplateProblem {
  readonly code:
    | "template.syntax"
    | "template.unknown-variable"
    | "template.unknown-filter"
    | "template.value";
  readonly message: string;
  /** The unknown name, and similar names that the user may have meant. */
  readonly name: string | null;
  readonly candidates: readonly string[];
  readonly start: number;
  readonly end: number;
}

export interface ExpandedTemplate {
  readonly value: JsonValue;
  readonly problems: readonly TemplateProblem[];
}

/** Names that have a value only during a run: {@link runScope}. */
export const runVariables = ["run.id", "model.sha256", "model.name"] as const;

/**
 * Returns the values of {@link runVariables} for the second stage. `model.name` is the file's name without
 * its extension.
 */
export function runScope(
  runId: string,
  model: { readonly path: string; readonly sha256: string },
): TemplateScope {
  const file = model.path.slice(model.path.lastIndexOf("/") + 1);
  return { "run.id": runId, "model.sha256": model.sha256, "model.name": file.replace(/\.[^.]+$/, "") };
}

/**
 * Replaces every expression by its value. If the whole text is one expression, the result keeps the value's
 * type.
 * @throws SpecError `template.*`: the first problem, with its `start` and `end` in the details
 */
export function expandTemplate(text: string, scope: TemplateScope, options: ExpandOptions = {}): JsonValue {
  const { value, problems } = tryExpandTemplate(text, scope, options);
  const [problem] = problems;
  if (problem === undefined) return value;
  throw new SpecError(problem.code, problem.message, {
    details: { template: text, start: problem.start, end: problem.end },
  });
}

/**
 * Like {@link expandTemplate}, but reports all problems at once. Expressions that cannot be expanded stay as
 * they are.
 */
export function tryExpandTemplate(
  text: string,
  scope: TemplateScope,
  options: ExpandOptions = {},
): ExpandedTemplate {
  const problems: TemplateProblem[] = [];
  const parts = parse(text);
  const values = parts.map((part): JsonValue => {
    if (part.kind === "text") return part.text;
    if (part.kind === "braces") return options.leaveBraces === true ? part.written : "{{";
    const result = part.kind === "problem" ? part : evaluate(part, scope, options.leave ?? []);
    if (result.kind === "value" && (parts.length === 1 || isScalar(result.value))) return result.value;
    if (result.kind === "problem") problems.push(result.problem);
    if (result.kind === "value")
      problems.push(problemAt(part, "template.value", "a list or mapping has to be the whole value"));
    return text.slice(part.start, part.end);
  });
  const [only = ""] = values;
  return { value: values.length > 1 ? values.join("") : only, problems };
}

/** Returns the names that a text uses, in order. Expressions that cannot be parsed are skipped. */
export function templateVariables(text: string): readonly TemplateVariable[] {
  return parse(text).filter((part) => part.kind === "expression");
}

type Problem = {
  readonly kind: "problem";
  readonly problem: TemplateProblem;
  readonly start: number;
  readonly end: number;
};
type Expression = TemplateVariable & { readonly kind: "expression"; readonly filters: readonly FilterCall[] };
type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "braces"; readonly written: string }
  | Expression
  | Problem;
type Evaluated =
  | { readonly kind: "value"; readonly value: JsonValue }
  | { readonly kind: "later" }
  | { readonly kind: "problem"; readonly problem: TemplateProblem };

interface FilterCall {
  readonly name: string;
  readonly arguments: readonly string[];
}

const name = /[A-Za-z_]\w*(?:\.[A-Za-z_][\w-]*)*/.source;
const quoted = /"[^"]*"|'[^']*'/.source;
/** `{{ "{{" }}` stands for `{{` itself. */
const literalBraces = /^\s*(?:"\{\{"|'\{\{')\s*$/;
const expressionSyntax = new RegExp(String.raw`^\s*(${name})\s*((?:\|[\s\S]*)?)$`);
const filterSyntax = new RegExp(
  String.raw`^\|\s*([A-Za-z_]\w*)\s*(?::\s*((?:${quoted})(?:\s*,\s*(?:${quoted}))*))?\s*`,
);

function parse(text: string): readonly Part[] {
  const parts: Part[] = [];
  let position = 0;
  while (position < text.length) {
    const start = indexOrEnd(text, "{{", position);
    if (start > position) parts.push({ kind: "text", text: text.slice(position, start) });
    position = start === text.length ? start : Math.min(text.length, indexOrEnd(text, "}}", start) + 2);
    if (start < position) parts.push(parseExpression(text, start, position));
  }
  return parts;
}

function indexOrEnd(text: string, wanted: string, from: number): number {
  const index = text.indexOf(wanted, from);
  return index < 0 ? text.length : index;
}

function parseExpression(text: string, start: number, end: number): Part {
  const written = text.slice(start, end);
  const fail = (message: string): Problem => ({
    kind: "problem",
    problem: problemAt({ start, end }, "template.syntax", message),
    start,
    end,
  });
  if (!written.endsWith("}}") || written.length < 4) return fail("`{{` is never closed by `}}`");
  const inner = written.slice(2, -2);
  if (literalBraces.test(inner)) return { kind: "braces", written };
  if (inner.trim() === "") return fail("the template is empty");
  const match = expressionSyntax.exec(inner);
  if (match === null) return fail(`\`${written}\` is not a variable with filters`);
  const [, variable = "", pipeline = ""] = match;
  const filters = parseFilters(pipeline);
  if (filters === null) return fail(`the filters of \`${written}\` cannot be read`);
  return { kind: "expression", name: variable, filters, start, end };
}

function parseFilters(pipeline: string): readonly FilterCall[] | null {
  const calls: FilterCall[] = [];
  for (let rest = pipeline; rest !== ""; ) {
    const match = filterSyntax.exec(rest);
    if (match === null) return null;
    const [whole, filter = "", list = ""] = match;
    const values = [...list.matchAll(new RegExp(quoted, "g"))].map(([value]) => value.slice(1, -1));
    calls.push({ name: filter, arguments: values });
    rest = rest.slice(whole.length);
  }
  return calls;
}

function evaluate(expression: Expression, scope: TemplateScope, leave: readonly string[]): Evaluated {
  const fail = (
    code: TemplateProblem["code"],
    message: string,
    unknown: string | null,
    candidates: readonly string[],
  ): Evaluated => ({
    kind: "problem",
    problem: { ...problemAt(expression, code, message), name: unknown, candidates },
  });
  const stranger = expression.filters.find((call) => !Object.hasOwn(filters, call.name))?.name;
  if (stranger !== undefined)
    return fail(
      "template.unknown-filter",
      `there is no filter \`${stranger}\``,
      stranger,
      Object.keys(filters),
    );
  if (leave.includes(expression.name.split(".")[0] ?? "")) return { kind: "later" };
  if (!Object.hasOwn(scope, expression.name))
    return fail(
      "template.unknown-variable",
      `there is no variable \`${expression.name}\``,
      expression.name,
      Object.keys(scope),
    );
  let value: JsonValue = scope[expression.name] ?? null;
  for (const call of expression.filters) {
    const outcome = filters[call.name]?.(value, call.arguments);
    if (outcome === undefined)
      return fail("template.value", `\`${call.name}\` takes ${usage[call.name]}`, null, []);
    value = outcome;
  }
  return { kind: "value", value };
}

/**
 * Returns `undefined` if the value or the arguments do not suit the filter; {@link usage} describes the valid
 * ones.
 */
type Filter = (value: JsonValue, args: readonly string[]) => string | undefined;

const filters: { readonly [name: string]: Filter } = {
  date: (value, args) =>
    args.length === 1 && typeof value === "string" ? formatDate(value, args[0] ?? "") : undefined,
  lower: (value, args) => (args.length === 0 && isScalar(value) ? String(value).toLowerCase() : undefined),
  upper: (value, args) => (args.length === 0 && isScalar(value) ? String(value).toUpperCase() : undefined),
  replace: (value, args) =>
    args.length === 2 && isScalar(value) ? String(value).replaceAll(args[0] ?? "", args[1] ?? "") : undefined,
};

const usage: { readonly [name: string]: string } = {
  date: 'a date or time and a format: `{{ ds | date: "%Y/%m/%d" }}` (%Y %y %m %d %j %H %M %S %%)',
  lower: "text and no argument",
  upper: "text and no argument",
  replace: 'text and two arguments: `{{ ds | replace: "-", "" }}`',
};

const isoFields = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d))?.*)?$/;

/** Formats the fields as written: an instant with an offset is formatted in that offset. */
function formatDate(iso: string, format: string): string | undefined {
  const [, year, month, day, hour = "00", minute = "00", second = "00"] = isoFields.exec(iso) ?? [];
  if (year === undefined || month === undefined || day === undefined) return undefined;
  const dayMs = 86_400_000;
  const dayOfYear = (Date.UTC(+year, +month - 1, +day) - Date.UTC(+year, 0, 1)) / dayMs + 1;
  const fields: { readonly [token: string]: string } = {
    Y: year,
    y: year.slice(2),
    m: month,
    d: day,
    j: String(dayOfYear).padStart(3, "0"),
    H: hour,
    M: minute,
    S: second,
    "%": "%",
  };
  const tokens = [...format.matchAll(/%([\s\S]?)/g)].map(([, token = ""]) => token);
  if (tokens.some((token) => !Object.hasOwn(fields, token))) return undefined;
  return format.replace(/%([\s\S])/g, (_, token: string) => fields[token] ?? "");
}

function problemAt(
  range: { readonly start: number; readonly end: number },
  code: TemplateProblem["code"],
  message: string,
): TemplateProblem {
  return { code, message, name: null, candidates: [], start: range.start, end: range.end };
}

function isScalar(value: JsonValue): boolean {
  return value !== null && typeof value !== "object";
}
