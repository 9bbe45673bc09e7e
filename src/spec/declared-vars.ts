/**
 * The values of a job's variables, declared under `vars:` or not: a default, a value of the target, or a
 * value given for this run.
 */
import { type JsonValue, SpecError } from "../errors.js";
import type { Problem, SpecPath } from "../job/spec-problem.js";
import { closest } from "../text/closest-word.js";
import { didYouMean } from "./did-you-mean.js";
import type { Vars, VarUse } from "./expand-templates.js";
import { type VarsSpec, vars as varsSchema } from "./schema/vars.js";
import { type Secrets, secretsInValue } from "./secrets.js";
import { valueAt } from "./spec-source.js";
import { type UnsafeText, unsafeInPath, type VarValue, valueOfVar } from "./var-value.js";
import { type UsedIn, unsafeGiven } from "./vars-in-paths.js";

export interface VarSources {
  /**
   * Values of the target in nightshift.yaml; `null` if they are unknown because the file contains mistakes.
   */
  readonly target: Vars | null;
  /** Names of the target's variables that contain a secret. */
  readonly secret?: readonly string[];
  /** Values for this run only. */
  readonly given: Vars;
}

export interface JobVars {
  /** Values of all variables that have one. `null`: see {@link VarSources}. */
  readonly values: Vars | null;
  /** Declared variables without a value. */
  readonly missing: readonly string[];
  /**
   * Given values that differ from the default of a run without them: they make it a different run of the same
   * interval.
   */
  readonly own: { readonly [name: string]: VarValue };
  readonly declared: VarsSpec | null;
  readonly problems: readonly Problem[];
  /** Error of a given value; the spec itself is valid. */
  readonly misuse: SpecError | null;
}

/** @param tree the spec, its templates unexpanded */
export function readVars(tree: JsonValue, { target, given }: VarSources): JobVars {
  const written = valueAt(tree, ["vars"]);
  const parsed = written === undefined ? null : varsSchema.safeParse(written);
  // Mistakes in the declarations are reported by the check of the whole spec.
  const declared = parsed?.success ? parsed.data : null;
  const values: { [name: string]: JsonValue } = { ...target, ...given };
  const own: { [name: string]: VarValue } = {};
  const missing: string[] = [];
  const problems: Problem[] = [];
  let misuse: SpecError | null = null;
  for (const [name, declaration] of Object.entries(declared ?? {})) {
    const usual = entryOf(target ?? {}, name) ?? declaration.default;
    const ofTarget = usual === undefined ? null : valueOfVar(declaration, usual);
    if (ofTarget?.kind === "mistake")
      problems.push({
        ...{ path: ["vars", name], at: "key", code: "spec.bad-var" },
        message: `the target's value of \`${name}\` does not suit: ${ofTarget.message}`,
        suggestion: ofTarget.suggestion ?? "change it in nightshift.yaml",
      });
    const wanted = entryOf(given, name);
    const ofRun = wanted === undefined ? null : valueOfVar(declaration, wanted);
    if (ofRun?.kind === "mistake") misuse ??= badValue(name, ofRun.expected, ofRun.suggestion);
    const value = ofRun ?? ofTarget;
    if (value?.kind === "value") values[name] = value.value;
    else missing.push(name);
    if (ofRun?.kind === "value" && !(ofTarget?.kind === "value" && ofTarget.value === ofRun.value))
      own[name] = ofRun.value;
  }
  const isKnown = target !== null && (written === undefined || declared !== null);
  return { values: isKnown ? values : null, missing, own, declared, problems, misuse };
}

function entryOf(vars: Vars, name: string): JsonValue | undefined {
  return Object.hasOwn(vars, name) ? vars[name] : undefined;
}

function badValue(name: string, expected: string, suggestion: string | null): SpecError {
  return new SpecError(
    "usage.bad-var",
    `the value of \`${name}\` does not suit its declaration: it is not ${expected}`,
    {
      hint: suggestion ?? `See \`vars.${name}\` of the job.`,
    },
  );
}

/** Reports variables that are declared but not used. */
export function problemsOfUse({ declared }: JobVars, uses: readonly VarUse[]): readonly Problem[] {
  const names = Object.keys(declared ?? {});
  const unused = names.filter((name) => !uses.some((use) => use.name === name));
  return unused.map((name) => ({
    ...{ path: ["vars", name], at: "key", code: "spec.unused-var" },
    message: `the job has no \`{{ var.${name} }}\``,
    suggestion: "use it, or remove the declaration",
  }));
}

/**
 * Refuses a given value that the job does not use, or that is not allowed where it is used. The author of a
 * spec is trusted with any value; a run may be started by any client of the HTTP interface.
 * @param trees the whole spec, before and after its templates are expanded
 */
export function misuseOfGiven(
  vars: JobVars,
  given: Vars,
  uses: readonly VarUse[],
  trees: Omit<UsedIn, "path">,
): SpecError | null {
  const names = [...new Set([...Object.keys(vars.declared ?? {}), ...uses.map(({ name }) => name)])];
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) return unknownVar(name, names);
    const value = vars.values?.[name];
    if (!isVarValue(value)) continue;
    const pattern = valueAt((vars.declared ?? {}) as JsonValue, [name, "pattern"]);
    for (const { name: used, path } of uses) {
      if (used !== name || isFree(path)) continue;
      const place = { ...trees, path };
      const unsafe = unsafeGiven(value, typeof pattern === "string" ? pattern : undefined, place);
      if (unsafe !== null) return unsafeValue(name, unsafe, path);
    }
  }
  return null;
}

/** Refuses a given value that contains a secret, because plans, records and outputs would store it. */
export function secretInGiven(given: Vars, secrets: Pick<Secrets, "find">): SpecError | null {
  const name = Object.keys(given).find(
    (each) => secrets.find(String(given[each])).length > 0 || secretsInValue(String(given[each])).length > 0,
  );
  if (name === undefined) return null;
  return new SpecError(
    "usage.secret-var",
    `the value of \`${name}\` holds a secret, and plans and outputs would keep it`,
    {
      hint: "Give another value: a secret reaches a job only in the URL of its database, from the environment.",
    },
  );
}

/** Refuses a run that lacks a required value. */
export function missingVar({ missing, declared }: JobVars): SpecError | null {
  const [name] = missing;
  if (name === undefined) return null;
  const type = declared?.[name]?.type ?? "string";
  return new SpecError(
    "usage.missing-var",
    `the job needs a value of \`${name}\` (${type}), which has no default`,
    {
      hint: `Give it with --var ${name}=…, as "vars": {"${name}": …} over HTTP, or under schedule.vars.`,
      details: { missing: [...missing] },
    },
  );
}

function unknownVar(name: string, names: readonly string[]): SpecError {
  return new SpecError("usage.unused-var", `the job has no \`{{ var.${name} }}\``, {
    hint:
      didYouMean(closest(name, names)) ??
      (names.length === 0 ? "it uses no variables: leave --var out" : `it uses ${names.join(", ")}`),
  });
}

function unsafeValue(name: string, { what, isAllowedByPattern }: UnsafeText, path: SpecPath): SpecError {
  return new SpecError(
    "usage.unsafe-var",
    `the value of \`${name}\` has ${what}, and it is used in \`${path.join(".")}\``,
    {
      hint: isAllowedByPattern
        ? `Give one step of a path. The job may allow more: \`vars: { ${name}: { pattern: … } }\`.`
        : "Give another value: one step of a path, of letters, digits, `-`, `_` and `.`.",
    },
  );
}

function isVarValue(value: JsonValue | undefined): value is VarValue {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** Whether a value is only used as data: bound to a query, or written to an output column. */
function isFree([section, key]: SpecPath): boolean {
  return (section === "input" && key === "params") || (section === "write" && key === "add");
}

/** Checks `schedule.vars`: a schedule starts runs, so every variable needs a value. */
export function problemsOfSchedule(
  vars: JobVars,
  given: Vars | null,
  uses: readonly VarUse[],
): readonly Problem[] {
  if (given === null || vars.declared === null) return given === null ? [] : undeclared(given, []);
  const problems = undeclared(given, Object.keys(vars.declared));
  for (const [name, declaration] of Object.entries(vars.declared)) {
    const value = entryOf(given, name);
    if (value === undefined) {
      if (vars.missing.includes(name))
        problems.push({
          ...{ path: ["schedule"], at: "key", code: "spec.missing-var" },
          message: `its runs have no value of \`${name}\`, which has no default`,
          suggestion: `add \`vars: { ${name}: … }\` to the schedule, or a default to the variable`,
        });
      continue;
    }
    const checked = valueOfVar(declaration, value);
    const path = ["schedule", "vars", name];
    if (checked.kind === "mistake") {
      problems.push({
        path,
        at: "value",
        code: "spec.bad-var",
        message: checked.message,
        suggestion: checked.suggestion,
      });
      continue;
    }
    const place = uses.find((use) => use.name === name && !isFree(use.path));
    const unsafe = place === undefined ? null : unsafeInPath(checked.value, declaration.pattern);
    if (unsafe !== null)
      problems.push({
        ...{
          path,
          at: "value",
          code: "spec.bad-var",
          message: `it has ${unsafe.what}, and is used in \`${place?.path.join(".")}\``,
        },
        suggestion: unsafe.isAllowedByPattern
          ? `allow it with \`vars.${name}.pattern\``
          : "give another value",
      });
  }
  return problems;
}

function undeclared(given: Vars, declared: readonly string[]): Problem[] {
  return Object.keys(given)
    .filter((name) => !declared.includes(name))
    .map((name) => ({
      ...{ path: ["schedule", "vars", name], at: "key", code: "spec.unknown-key" },
      message: `the job declares no variable \`${name}\``,
      suggestion: didYouMean(closest(name, declared)) ?? "declare it under `vars:`",
    }));
}
