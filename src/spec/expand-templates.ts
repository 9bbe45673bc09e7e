// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/**
 * The first stage of template expansion over a whole spec: everything except `run.*` and `model.*`, which get
 * their values in a run.
 */
import type { JsonValue } from "../errors.js";
import type { Interval } from "../job/job.js";
import type { Problem, SpecPath } from "../job/spec-problem.js";
import { closest } from "../text/closest-word.js";
import {
  runVariables,
  type TemplateProblem,
  type TemplateScope,
  type TemplateVariable,
  templateVariables,
  tryExpandTemplate,
} from "../text/template.js";
import { formatInZone } from "../time/interval.js";
import { didYouMean } from "./did-you-mean.js";
import { mapStrings } from "./spec-source.js";

export type Vars = { readonly [name: string]: JsonValue };

/** The interval of the job. `unknown`: the job has intervals, but their definition is invalid. */
export type IntervalScope =
  | { readonly kind: "interval"; readonly interval: Interval; readonly timezone: string }
  | { readonly kind: "none" }
  | { readonly kind: "unknown" };

export interface ExpandedTree {
  readonly tree: JsonValue;
  readonly problems: readonly Problem[];
  /** Paths of values that were not expanded because of a mistake elsewhere. */
  readonly unresolved: readonly SpecPath[];
  /** Uses of `{{ var.name }}`. */
  readonly uses: readonly VarUse[];
}

export interface VarUse {
  /** The name without `var.`. */
  readonly name: string;
  readonly path: SpecPath;
}

const intervalVariables = ["ds", "data_interval_start", "data_interval_end"] as const;

export function isIntervalVariable(name: string): boolean {
  return intervalVariables.some((variable) => variable === name);
}

/** @param missing variables without a value: templates that use them are not expanded */
export function expandTemplates(
  tree: JsonValue,
  vars: Vars | null,
  scope: IntervalScope,
  missing: readonly string[] = [],
): ExpandedTree {
  const problems: Problem[] = [];
  const unresolved: SpecPath[] = [];
  const uses: VarUse[] = [];
  const values = scopeOf(vars ?? {}, scope);
  const expanded = mapStrings(tree, (text, path) => {
    const variables = templateVariables(text);
    for (const { name } of variables)
      if (name.startsWith("var.")) uses.push({ name: name.slice("var.".length), path });
    const misplaced = variables.flatMap((variable) => placeProblem(path, text, variable));
    problems.push(...misplaced);
    if (misplaced.length > 0 || isQuery(path)) return text;
    const result = tryExpandTemplate(text, values, { leave: ["run", "model"], leaveBraces: isLate(path) });
    const told = result.problems.filter(
      ({ name }) => !isUntold(name, vars, scope) && !missing.some((each) => name === `var.${each}`),
    );
    if (told.length < result.problems.length) unresolved.push(path);
    problems.push(...told.map((problem) => describe(problem, path, text)));
    return result.problems.length > 0 ? text : result.value;
  });
  return { tree: expanded, problems, unresolved, uses };
}

/** Whether a variable has no value because of a mistake that is reported elsewhere. */
function isUntold(name: string | null, vars: Vars | null, scope: IntervalScope): boolean {
  if (name === null) return false;
  return vars === null && name.startsWith("var.")
    ? true
    : scope.kind === "unknown" && isIntervalVariable(name);
}

function scopeOf(vars: Vars, scope: IntervalScope): TemplateScope {
  const ofVars = Object.fromEntries(Object.entries(vars).map(([name, value]) => [`var.${name}`, value]));
  if (scope.kind !== "interval") return ofVars;
  const { interval, timezone } = scope;
  return {
    ds: interval.ds,
    data_interval_start: formatInZone(new Date(interval.start), timezone),
    data_interval_end: formatInZone(new Date(interval.end), timezone),
    ...ofVars,
  };
}

/** Reports variables that are not allowed at this place. */
function placeProblem(path: SpecPath, text: string, variable: TemplateVariable): readonly Problem[] {
  const [section] = path;
  const problem = (code: string, message: string, suggestion: string | null): readonly Problem[] => [
    { path, at: "value", span: spanOf(text, variable), code, message, suggestion },
  ];
  if (section === "version" || section === "name" || section === "intervals" || section === "vars")
    return problem(
      "spec.template-place",
      `\`${section}\` cannot hold a template: it is the same in every run`,
      "write the value, or use `${NAME}`",
    );
  if (isQuery(path))
    return problem(
      "spec.template-place",
      "a query holds no templates: values reach it as parameters only",
      "write `$1` there, and the template into `params`",
    );
  const root = variable.name.split(".")[0];
  if (root !== "run" && root !== "model") return [];
  if (!runVariables.some((name) => name === variable.name))
    return problem(
      "template.unknown-variable",
      `there is no variable \`${variable.name}\``,
      didYouMean(closest(variable.name, runVariables)) ?? `it may be ${runVariables.join(", ")}`,
    );
  if (isLate(path)) return [];
  return problem(
    "spec.template-place",
    `\`${variable.name}\` has no value before the run begins`,
    "use it in `write.add` only",
  );
}

/** Whether a run expands the text a second time. */
function isLate([section, key]: SpecPath): boolean {
  return section === "write" && key === "add";
}

/** SQL may contain `{{` itself: in `'{{1,2},{3,4}}'::int[]`. */
function isQuery([section, key]: SpecPath): boolean {
  return section === "input" && key === "query";
}

function describe(problem: TemplateProblem, path: SpecPath, text: string): Problem {
  const { code, message, name, candidates } = problem;
  const base = { path, at: "value", span: spanOf(text, problem), code, message } as const;
  if (code === "template.unknown-filter") {
    const suggestion = didYouMean(closest(name ?? "", candidates)) ?? `it may be ${candidates.join(", ")}`;
    return { ...base, suggestion };
  }
  if (code === "template.syntax")
    return { ...base, suggestion: 'write a variable and filters, such as `{{ ds | date: "%Y" }}`' };
  if (name === null) return { ...base, suggestion: null };
  if (!isIntervalVariable(name)) return { ...base, suggestion: suggestVariable(name, candidates) };
  return {
    ...base,
    code: "spec.no-intervals",
    message: `\`${name}\` needs a job with intervals`,
    suggestion: "add `intervals: { every: day }`",
  };
}

function suggestVariable(name: string, candidates: readonly string[]): string {
  const all = [...candidates, ...intervalVariables, ...runVariables];
  const near = didYouMean(closest(name, all));
  if (near !== null) return near;
  if (name.startsWith("var."))
    return `give it with \`--var ${name.slice(4)}=…\`, declare it under \`vars\`, or under \`targets\` in nightshift.yaml`;
  if (name.startsWith("event.")) return "events are not supported by this version";
  if (/^(env\.)?[A-Z][A-Z0-9_]*$/.test(name))
    return `for the environment write \`\${${name.replace("env.", "")}}\``;
  return `it may be ${[...new Set(all)].join(", ")}`;
}

function spanOf(
  text: string,
  range: { readonly start: number; readonly end: number },
): Problem["span"] & object {
  return { start: range.start, end: range.end, text: text.slice(range.start, range.end) };
}
