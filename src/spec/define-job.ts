/** Jobs written in TypeScript: the typed form of the YAML spec, with the same checks. */
import type { JsonValue } from "../errors.js";
import type { Job } from "../job/job.js";
import type { Problem } from "../job/spec-problem.js";
import type { Vars } from "./expand-templates.js";
import { InvalidSpecError } from "./invalid-spec-error.js";
import { type ResolvedSpec, resolveSpec } from "./resolve-spec.js";
import type { JobSpecInput } from "./schema.js";
import { createSecrets, type Secrets } from "./secrets.js";
import { locateProblems, objectSource } from "./spec-source.js";

export interface DefineContext {
  /** Absolute; paths in the job are relative to it. */
  readonly cwd: string;
  readonly now: Date;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly outputRoot: string | null;
  /** A date or an instant in the desired interval. Without it: the latest complete one. */
  readonly at?: string;
  readonly vars?: Vars;
  readonly secrets?: Secrets;
}

const noScheduleInCode: Problem = {
  path: ["schedule"],
  at: "key",
  code: "spec.not-supported",
  message: "a job in code has no schedule: nothing would start it",
  suggestion: "write it as a YAML file for `nightshift serve`, or call `runJob` when it is due",
};

const noNotifyInCode: Problem = {
  path: ["notify"],
  at: "key",
  code: "spec.not-supported",
  message: "a job in code sends no notices",
  suggestion: "write it as a YAML file for `nightshift run` or `serve`, or watch the events of `runJob`",
};

const noAfterInCode: Problem = {
  path: ["after"],
  at: "key",
  code: "spec.not-supported",
  message: "a job in code waits for no other job",
  suggestion: "await the outcome of the other `runJob` first",
};

/** Reports keys that only the command line supports. */
function ofServices({
  schedule,
  after,
  notify,
}: ResolvedSpec & { readonly kind: "job" }): readonly Problem[] {
  return [
    ...(schedule === null ? [] : [noScheduleInCode]),
    ...(after.length === 0 ? [] : [noAfterInCode]),
    ...(notify === null ? [] : [noNotifyInCode]),
  ];
}

/** @throws InvalidSpecError with every mistake, each by the path of its value; SpecError `usage.*` */
export function defineJob(spec: JobSpecInput, context: DefineContext): Job {
  const secrets = context.secrets ?? createSecrets();
  const source = objectSource(spec as JsonValue);
  const resolved = resolveSpec(source.tree, {
    baseDir: context.cwd,
    vars: { target: {}, given: context.vars ?? {} },
    at: context.at,
    now: context.now,
    environment: context.environment,
    outputRoot: context.outputRoot,
    secrets,
  });
  if (resolved.kind === "misused") throw resolved.error;
  const problems = resolved.kind === "problems" ? resolved.problems : ofServices(resolved);
  if (resolved.kind === "job" && problems.length === 0) return resolved.job;
  const diagnostics = locateProblems(problems, source).map((diagnostic) => ({
    ...diagnostic,
    message: secrets.mask(diagnostic.message),
  }));
  throw new InvalidSpecError(diagnostics, {}, { hint: "correct the job that is passed to defineJob" });
}
