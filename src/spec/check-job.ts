/** Runs every check that a spec is whole enough for. */
import type { JsonValue } from "../errors.js";
import type { Problem, SpecPath } from "../job/spec-problem.js";
import { closest } from "../text/closest-word.js";
import { inputMistakes, outputMistakes } from "./checks/adapters.js";
import type { Check, CheckedSpec } from "./checks/check.js";
import { clashingColumns, partitionColumns, repeatedInList } from "./checks/columns.js";
import { afterNeedsIntervals, everyIntervalHasAPlace, lookbackNeedsSchedule } from "./checks/intervals.js";
import { budgetNeedsRowPolicy, dependentRowsNeedBatch } from "./checks/limits.js";
import {
  insideOutputRoot,
  localMappingFiles,
  localPaths,
  oneFileOutput,
  outputApartFromInput,
  writtenFormat,
} from "./checks/paths.js";
import { isUnder } from "./problem.js";
import { type JobSpec, parseJob } from "./schema.js";
import { valueAt } from "./spec-source.js";

const checks: readonly Check[] = [
  localPaths,
  localMappingFiles,
  insideOutputRoot,
  outputApartFromInput,
  oneFileOutput,
  writtenFormat,
  repeatedInList,
  clashingColumns,
  partitionColumns,
  everyIntervalHasAPlace,
  lookbackNeedsSchedule,
  afterNeedsIntervals,
  budgetNeedsRowPolicy,
  dependentRowsNeedBatch,
];

/**
 * @param known problems found before; checks that read the affected parts are skipped
 * @param lost parts that were removed from the spec
 */
export function checkJob(
  checked: CheckedSpec,
  known: readonly Problem[],
  lost: readonly SpecPath[],
): readonly Problem[] {
  const isSound = (path: SpecPath): boolean =>
    !known.some((problem) => disturbs(problem, path)) &&
    !lost.some((gone) => isUnder(gone, path) || isUnder(path, gone));
  return [...inputMistakes(), ...outputMistakes(), ...checks]
    .filter((check) => check.reads.every(isSound))
    .flatMap((check) => [...check.problems(checked)]);
}

function disturbs(problem: Problem, path: SpecPath): boolean {
  if (problem.code === "spec.literal-password") return false;
  if (problem.code === "spec.not-supported") return isUnder(path, problem.path);
  if (isUnder(problem.path, path) || isUnder(path, problem.path)) return true;
  if (problem.code !== "spec.unknown-key") return false;
  // An unknown key may be a misspelling of a key that the check reads.
  const parent = problem.path.slice(0, -1);
  const read = path[parent.length];
  return (
    isUnder(path, parent) && typeof read === "string" && closest(String(problem.path.at(-1)), [read]) !== null
  );
}

/** The smallest valid spec; it replaces missing parts. */
const skeleton: JsonValue = { version: 1, name: "x", model: "x", input: { from: "x" }, write: { to: "x" } };

export interface SalvagedSpec {
  readonly spec: JobSpec;
  /** Parts that were removed although they contain no mistake. */
  readonly lost: readonly SpecPath[];
}

/** Removes the mistakes from a spec so that the rest can be checked; `null` if nothing remains. */
export function salvage(tree: JsonValue, problems: readonly Problem[]): SalvagedSpec | null {
  if (!isMapping(tree)) return null;
  const copy = structuredClone(tree) as { [key: string]: JsonValue };
  for (const { path, code } of problems) if (code !== "spec.literal-password") remove(copy, path);
  const first = parseJob(fill(copy, skeleton));
  if (first.success) return { spec: first.data, lost: [] };
  // The rest of a section may be invalid after a removal: then the whole section is removed.
  const lost = [...new Set(first.issues.map(({ path }) => String(path[0] ?? "")))];
  for (const section of lost) delete copy[section];
  const second = parseJob(fill(copy, skeleton));
  return second.success ? { spec: second.data, lost: lost.map((section) => [section]) } : null;
}

/** Removing an item of a list removes the list, because the other items would change their positions. */
function remove(tree: JsonValue, path: SpecPath): void {
  const item = path.findIndex((step) => typeof step === "number");
  const whole = item < 0 ? path : path.slice(0, item);
  const parent = valueAt(tree, whole.slice(0, -1));
  const key = whole.at(-1);
  if (parent !== undefined && isMapping(parent) && key !== undefined)
    delete (parent as { [key: string]: JsonValue })[key];
}

function fill(tree: JsonValue, defaults: JsonValue): JsonValue {
  if (!isMapping(tree) || !isMapping(defaults)) return tree;
  const filled: { [key: string]: JsonValue } = Object.assign(Object.create(null), tree);
  for (const [key, value] of Object.entries(defaults))
    filled[key] = Object.hasOwn(tree, key) ? fill(tree[key] ?? null, value) : value;
  return filled;
}

function isMapping(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
