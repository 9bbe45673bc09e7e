/** Loads a job: the file of its spec, the project around it, and all mistakes of both at once. */
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { Job } from "../job/job.js";
import type { NotifySettings } from "../job/notice.js";
import type { Schedule } from "../time/schedule.js";
import type { Diagnostic, Sources } from "./diagnostic.js";
import type { Vars } from "./expand-templates.js";
import { InvalidSpecError } from "./invalid-spec-error.js";
import { loadProject } from "./project.js";
import { type ResolvedSpec, resolveSpec } from "./resolve-spec.js";
import type { IntervalsSpec } from "./schema/intervals.js";
import { createSecrets, type Secrets } from "./secrets.js";
import { readSpecFile } from "./spec-file.js";
import { locateProblems } from "./spec-source.js";
import { parseYaml } from "./yaml-source.js";

export interface LoadContext {
  /** Absolute. Relative paths are resolved against it, and displayed files are relative to it. */
  readonly cwd: string;
  /** `--at`: a date or an instant in the desired interval. Without it: the latest complete one. */
  readonly at?: string;
  /** `--var`: takes precedence over the target's values. */
  readonly vars: Vars;
  /**
   * Source of `vars`. A value that equals a secret is refused, unless a client gives it: the refusal would
   * confirm the client's guess. Default: the operator.
   */
  readonly givenBy?: "operator" | "client";
  readonly target?: string;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly now: Date;
  readonly outputRoot: string | null;
  /** Text of the spec if it has been read before; without it the file is read. */
  readonly text?: string;
  /** The caller wants the spec and no run: no interval has to be complete. */
  readonly anyInterval?: boolean;
  /** The spec is only displayed: declared variables need no value. */
  readonly anyVars?: boolean;
  /** Collects the secrets that are found; without it, a new collection is used. */
  readonly secrets?: Secrets;
}

export interface LoadedJob {
  readonly job: Job;
  /** Absolute. */
  readonly specPath: string;
  readonly target: string | null;
  /** The job's interval rule, for callers that iterate over intervals. */
  readonly intervals: IntervalsSpec | null;
  readonly schedule: Schedule | null;
  /** Names of the jobs that it waits for. */
  readonly after: readonly string[];
  /** The job's own settings, else those of nightshift.yaml for all jobs. */
  readonly notify: NotifySettings | null;
  readonly secrets: Secrets;
  readonly warnings: readonly string[];
}

/**
 * Loads a job.
 * @throws InvalidSpecError with every mistake in the spec and in nightshift.yaml
 * @throws SpecError `spec.*` if there is no spec to read, `usage.*` if the spec cannot satisfy the request
 */
export async function loadJob(path: string, context: LoadContext): Promise<LoadedJob> {
  const specPath = resolve(context.cwd, path);
  const display = (absolute: string): string => displayPath(absolute, context.cwd);
  const file = display(specPath);
  const secrets = context.secrets ?? createSecrets();
  const baseDir = dirname(specPath);

  const text = context.text ?? (await readSpecFile(specPath, file));
  const { environment } = context;
  const project = await loadProject(baseDir, context.target, { environment, secrets }, display);
  const { resolved, diagnostics } = readSpec(text, file, {
    baseDir,
    vars: {
      target: project.diagnostics.length > 0 ? null : project.vars,
      secret: project.secretVars,
      given: context.vars,
    },
    at: context.at,
    now: context.now,
    environment,
    outputRoot: context.outputRoot,
    secrets,
    anyInterval: context.anyInterval === true,
    anyVars: context.anyVars === true,
    givenBy: context.givenBy ?? "operator",
  });
  const all = [...project.diagnostics, ...diagnostics];
  if (resolved?.kind === "misused" && all.length === 0) throw resolved.error;
  if (resolved?.kind !== "job" || all.length > 0)
    throw invalidSpec(all, { ...project.sources, [file]: text }, secrets, file);
  const { job, intervals, schedule, after, warnings } = resolved;
  const notify = resolved.notify ?? project.notify?.(intervals?.timezone ?? "UTC") ?? null;
  return { job, specPath, target: project.target, intervals, schedule, after, notify, secrets, warnings };
}

/**
 * Reads how long the ledger keeps runs that ended, from the project's nightshift.yaml. @returns `null`: for ever
 *
 * @param root directory of the project; `null` without one
 * @throws InvalidSpecError with every mistake in nightshift.yaml
 */
export async function loadRetention(
  root: string | null,
  { cwd, target, environment, secrets = createSecrets() }: RetentionContext,
): Promise<number | null> {
  if (root === null) return null;
  const display = (absolute: string): string => displayPath(absolute, cwd);
  const project = await loadProject(root, target, { environment, secrets }, display);
  const { diagnostics, sources, keepRunsMs } = project;
  if (diagnostics.length > 0)
    throw invalidSpec(diagnostics, sources, secrets, display(join(root, "nightshift.yaml")));
  return keepRunsMs;
}

export type RetentionContext = Pick<LoadContext, "cwd" | "target" | "environment" | "secrets">;

function readSpec(
  text: string,
  file: string,
  context: Parameters<typeof resolveSpec>[1],
): { readonly resolved: ResolvedSpec | null; readonly diagnostics: readonly Diagnostic[] } {
  const parsed = parseYaml(text, file);
  if (parsed.kind === "broken") return { resolved: null, diagnostics: parsed.diagnostics };
  const resolved = resolveSpec(parsed.source.tree, context);
  const problems = resolved.kind === "problems" ? locateProblems(resolved.problems, parsed.source) : [];
  const diagnostics = [...parsed.diagnostics, ...problems].sort(
    (a, b) => a.line - b.line || a.column - b.column,
  );
  return { resolved, diagnostics };
}

/**
 * Users see this error, so secrets are masked in messages and in the displayed lines, where masks have the
 * same width.
 */
function invalidSpec(
  diagnostics: readonly Diagnostic[],
  sources: Sources,
  secrets: Secrets,
  file: string,
): InvalidSpecError {
  const masked = diagnostics.map((diagnostic) => ({
    ...diagnostic,
    message: secrets.mask(diagnostic.message),
    suggestion: diagnostic.suggestion === null ? null : secrets.mask(diagnostic.suggestion),
  }));
  const hidden = Object.fromEntries(
    Object.entries(sources).map(([name, text]) => [name, blank(text, secrets)]),
  );
  return new InvalidSpecError(masked, hidden, {
    hint: `correct and check again: nightshift validate ${file}`,
  });
}

function blank(text: string, secrets: Secrets): string {
  let result = text;
  for (const [start, end] of secrets.find(text))
    result = result.slice(0, start) + text.slice(start, end).replace(/[^\r\n]/g, "*") + result.slice(end);
  return result;
}

function displayPath(absolute: string, cwd: string): string {
  const way = relative(cwd, absolute);
  return way === "" || way.startsWith("..") || isAbsolute(way) ? absolute : way;
}
