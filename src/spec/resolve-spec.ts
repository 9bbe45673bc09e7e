/**
 * Converts the values of a spec into a job: variables, interval, templates, schema, checks, in this order.
 * Each step continues after mistakes of the previous one, so that all mistakes are reported at once.
 */
import { type JsonValue, SpecError } from "../errors.js";
import type { Interval, Job } from "../job/job.js";
import type { NotifySettings } from "../job/notice.js";
import type { Problem, SpecPath } from "../job/spec-problem.js";
import type { Schedule } from "../time/schedule.js";
import { checkJob, salvage } from "./check-job.js";
import type { CheckedSpec } from "./checks/check.js";
import { intervalWarnings } from "./checks/intervals.js";
import { anyInterval, chooseInterval, ruleOf } from "./choose-interval.js";
import {
  type JobVars,
  missingVar,
  misuseOfGiven,
  problemsOfSchedule,
  problemsOfUse,
  readVars,
  secretInGiven,
  type VarSources,
} from "./declared-vars.js";
import { expandTemplates, type IntervalScope, type Vars } from "./expand-templates.js";
import { expandTreeVariables } from "./expand-tree-variables.js";
import { problemsOfIssues } from "./issues.js";
import { isUnder, samePath } from "./problem.js";
import { type IntervalsSpec, intervals } from "./schema/intervals.js";
import { type JobSpec, jobSchema, parseJob } from "./schema.js";
import type { Secrets } from "./secrets.js";
import { mapStrings, valueAt } from "./spec-source.js";
import { isConnectionPlace, takeConnections, templatedUrls } from "./take-connections.js";
import { takeNotify } from "./take-notify.js";
import { toJob } from "./to-job.js";
import { toSchedule } from "./to-schedule.js";

export interface ResolveContext {
  /** Absolute; paths in the spec are relative to it. */
  readonly baseDir: string;
  readonly vars: VarSources;
  readonly at: string | undefined;
  readonly now: Date;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly outputRoot: string | null;
  readonly secrets: Secrets;
  /** The caller wants the spec and no run: no interval has to be complete. */
  readonly anyInterval?: boolean;
  /**
   * The spec is only displayed: declared variables need no value, and templates that use them are not
   * expanded.
   */
  readonly anyVars?: boolean;
  /** See {@link LoadContext}. */
  readonly givenBy?: "operator" | "client";
}

export type ResolvedSpec =
  | {
      readonly kind: "job";
      readonly job: Job;
      readonly intervals: IntervalsSpec | null;
      readonly schedule: Schedule | null;
      /** Names of the jobs that it waits for. */
      readonly after: readonly string[];
      readonly notify: NotifySettings | null;
      readonly warnings: readonly string[];
    }
  | { readonly kind: "problems"; readonly problems: readonly Problem[] }
  /** The spec is valid, but the request is not. */
  | { readonly kind: "misused"; readonly error: SpecError };

export function resolveSpec(written: JsonValue, context: ResolveContext): ResolvedSpec {
  if (written === null) return { kind: "problems", problems: [nothingWritten] };
  const { tree, notify, problems: ofNotify } = takeNotify(written, context);
  const expanded = expandTreeVariables(tree, context);
  const variables = takeConnections(tree, expanded.tree, context);
  const timing = readIntervals(variables.tree, context);
  const vars = readVars(variables.tree, context.vars);
  const templates = expandTemplates(variables.tree, vars.values, timing.scope, vars.missing);
  const expansion = [
    ...ofNotify,
    ...expanded.problems,
    ...variables.problems,
    ...vars.problems,
    ...templates.problems,
    ...templatedUrls(variables.tree, templates.tree),
  ];

  const parsed = parseExpanded(tree, templates.tree);
  const ofSchema = withoutFollowUps(parsed.problems, [
    ...expansion.filter(spoils).map(({ path }) => path),
    ...templates.unresolved,
  ]);
  const known = [...expansion, ...ofSchema];
  const saved = parsed.spec === null ? salvage(templates.tree, known) : { spec: parsed.spec, lost: [] };
  if (saved === null) return { kind: "problems", problems: known };

  const { baseDir, outputRoot } = context;
  const checked: CheckedSpec = { spec: saved.spec, written: variables.tree, baseDir, outputRoot };
  const ofChecks = checkJob(checked, known, saved.lost);
  const told = [...known, ...ofChecks];
  const secretVars = (context.vars.secret ?? []).filter((name) => !Object.hasOwn(context.vars.given, name));
  const tainted = [
    ...expanded.secretPaths.filter((path) => !isConnectionPlace(expanded.tree, path)),
    ...templates.uses.filter(({ name }) => secretVars.includes(name)).map(({ path }) => path),
  ];
  const secrets = secretsInJob(withoutGiven(variables.tree, vars, timing.scope, context), {
    ...{ secrets: context.secrets, tainted },
  }).filter(({ path }) => !told.some((problem) => samePath(problem.path, path)));
  const settings = notify?.(saved.spec.intervals?.timezone ?? "UTC") ?? null;
  const ofVars = [
    ...problemsOfUse(vars, templates.uses),
    ...problemsOfSchedule(vars, scheduledVars(saved.spec), templates.uses),
  ];
  const problems = [
    ...known,
    ...ofChecks,
    ...secrets,
    ...(known.length > 0 ? [] : ofVars),
    ...deadlineOfNothing(saved.spec, settings),
  ];
  if (problems.length > 0) return { kind: "problems", problems };

  const misuse =
    timing.usage ??
    vars.misuse ??
    misuseOfGiven(vars, context.vars.given, templates.uses, {
      ...{ written: variables.tree, rendered: templates.tree },
    }) ??
    (context.givenBy === "client" ? null : secretInGiven(context.vars.given, context.secrets)) ??
    (context.anyVars === true ? null : missingVar(vars));
  if (misuse !== null) return { kind: "misused", error: misuse };
  const interval = timing.scope.kind === "interval" ? timing.scope.interval : null;
  return {
    kind: "job",
    job: {
      ...toJob(saved.spec, baseDir, interval, variables.connections),
      ...(Object.keys(vars.own).length === 0 ? {} : { vars: vars.own }),
    },
    intervals: saved.spec.intervals ?? null,
    schedule: saved.spec.schedule === undefined ? null : toSchedule(saved.spec.schedule),
    after: saved.spec.after ?? [],
    notify: settings,
    warnings: [...timing.warnings, ...intervalWarnings(checked)],
  };
}

function scheduledVars({ schedule }: JobSpec): Vars | null {
  return schedule === undefined ? null : (schedule.vars ?? {});
}

function deadlineOfNothing({ intervals }: JobSpec, notify: NotifySettings | null): readonly Problem[] {
  if (intervals !== undefined || notify === null || notify.deadline === null) return [];
  return [
    {
      ...{ path: ["notify", "deadline"], at: "key", code: "spec.unused-deadline" },
      message: "`deadline` means nothing without `intervals`: nothing is due",
      suggestion: "add `intervals: { every: day }`, or leave it out",
    },
  ];
}

const nothingWritten: Problem = {
  path: [],
  at: "value",
  code: "spec.empty",
  message: "there is no job in here",
  suggestion: "begin with `version: 1`, and `name`, `model`, `input` and `write`",
};

interface Timing {
  readonly scope: IntervalScope;
  readonly warnings: readonly string[];
  /** Reported only if the spec itself is valid. */
  readonly usage: SpecError | null;
}

function readIntervals(tree: JsonValue, context: ResolveContext): Timing {
  const { at, now } = context;
  const written = valueAt(tree, ["intervals"]);
  if (written === undefined) {
    const usage =
      at === undefined
        ? null
        : new SpecError("usage.no-intervals", "--at means nothing for a job without intervals", {
            hint: "leave --at out, or add `intervals: { every: day }` to the job",
          });
    return { scope: { kind: "none" }, warnings: [], usage };
  }
  const parsed = intervals.safeParse(written);
  if (!parsed.success) return { scope: { kind: "unknown" }, warnings: [], usage: null };
  const rule = ruleOf(parsed.data);
  const scope = (interval: Interval): IntervalScope => ({
    kind: "interval",
    interval,
    timezone: rule.timezone,
  });
  try {
    const { interval, warnings } = chooseInterval(rule, at, now);
    return { scope: scope(interval), warnings, usage: null };
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    const usage = context.anyInterval === true ? null : error;
    return { scope: scope(anyInterval(rule, now)), warnings: [], usage };
  }
}

interface Parsed {
  readonly spec: JobSpec | null;
  readonly problems: readonly Problem[];
}

/**
 * Expansion produces text. If the schema requires a number or a boolean, text that represents one is
 * accepted.
 */
function parseExpanded(written: JsonValue, tree: JsonValue): Parsed {
  const first = parseJob(tree);
  if (first.success) return { spec: first.data, problems: [] };
  const problems = problemsOfIssues(jobSchema, tree, first.issues);
  const converted = mapStrings(tree, (text, path) => {
    const isExpanded = valueAt(written, path) !== text;
    return isExpanded && problems.some((problem) => samePath(problem.path, path)) ? literal(text) : text;
  });
  const second = parseJob(converted);
  if (second.success) return { spec: second.data, problems: [] };
  return { spec: null, problems: problemsOfIssues(jobSchema, converted, second.issues) };
}

function literal(text: string): JsonValue {
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : text;
}

/** Removes problems of values that could not be expanded. */
function withoutFollowUps(problems: readonly Problem[], unexpanded: readonly SpecPath[]): readonly Problem[] {
  return problems.filter(
    (problem) => problem.at === "key" || !unexpanded.some((path) => isUnder(problem.path, path)),
  );
}

function spoils(problem: Problem): boolean {
  return problem.code !== "spec.literal-password";
}

/**
 * Returns the job without the values given for this run. The user who gave them is responsible for them: one
 * that equals a secret is not a mistake of the spec.
 */
function withoutGiven(
  tree: JsonValue,
  { values, missing }: JobVars,
  scope: IntervalScope,
  { vars }: ResolveContext,
): JsonValue {
  const blank = Object.fromEntries(Object.keys(vars.given).map((name) => [name, ""]));
  return expandTemplates(tree, values === null ? null : { ...values, ...blank }, scope, missing).tree;
}

/**
 * Reports secrets in a job, because jobs are stored in plans and ledgers, which must not contain secrets.
 * @param tainted values that were made from secrets, regardless of filters
 */
function secretsInJob(
  tree: JsonValue,
  { secrets, tainted }: { readonly secrets: Secrets; readonly tainted: readonly SpecPath[] },
): readonly Problem[] {
  const problems: Problem[] = [];
  mapStrings(tree, (text, path: SpecPath) => {
    if (secrets.find(text).length > 0 || tainted.some((each) => samePath(each, path)))
      problems.push({
        path,
        at: "value",
        code: "spec.secret-in-job",
        message: "it holds a secret, and plans and outputs would keep it",
        suggestion:
          "leave it out; if it is not a secret, take it from another variable, whose name and value do not look like a secret's: without PASSWORD, TOKEN, KEY, CONN or the like, `pwd=` or `sig=`",
      });
    return text;
  });
  return problems;
}
