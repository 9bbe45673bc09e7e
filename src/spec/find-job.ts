/** Finds jobs by name: the specs in the `jobs` folder of the project around a directory. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { findProject, findProjectRoot, skippedHint } from "../config.js";
import { type JsonValue, SpecError } from "../errors.js";
import { closest } from "../text/closest-word.js";
import { schemeOf, shownAddress } from "../text/path-scheme.js";
import { scheduleOfAfter } from "./after.js";
import { didYouMean } from "./did-you-mean.js";
import { readSpecFile } from "./spec-file.js";
import { valueAt } from "./spec-source.js";
import { parseYaml } from "./yaml-source.js";

/** A job as `ls jobs` shows it: the values in its spec, unexpanded; `null` for values that cannot be read. */
export interface ListedJob {
  /** The name in the spec, else the file's name. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly model: string | null;
  readonly to: string | null;
  readonly every: string | null;
  readonly schedule: { readonly cron: string; readonly timezone: string } | null;
  /** Names of the jobs that it waits for. */
  readonly after: readonly string[];
  /** Why the spec cannot be read. */
  readonly error: string | null;
}

const extension = /\.ya?ml$/;

/**
 * Finds the spec for a name or path on the command line. A path is relative to `cwd`; a name is that of a
 * spec's file or its `name` key.
 * @returns an absolute path
 * @throws SpecError `spec.not-found`
 */
export async function findJob(nameOrPath: string, cwd: string): Promise<string> {
  if (extension.test(nameOrPath) || nameOrPath.includes("/")) return findPath(nameOrPath, cwd);
  const jobs = await listJobs(cwd);
  const named =
    jobs.find(({ path }) => fileName(path) === nameOrPath) ?? jobs.find(({ name }) => name === nameOrPath);
  if (named !== undefined) return named.path;
  const names = [...new Set(jobs.flatMap(({ name, path }) => [name, fileName(path)]))];
  const { root, skipped } = findProject(cwd);
  const where = root === null || root === resolve(cwd) ? "" : ` in the project ${root}`;
  throw new SpecError("spec.not-found", `there is no job \`${nameOrPath}\`${where}`, {
    hint:
      skippedHint(skipped) ??
      didYouMean(closest(nameOrPath, names)) ??
      (names.length === 0
        ? "write jobs into a `jobs` folder, or name a spec by its path"
        : `there is ${names.join(", ")}`),
    details: { name: nameOrPath, project: root },
  });
}

/**
 * Lists every spec in the project's `jobs` folder and its subfolders, in order of their paths, including
 * invalid ones.
 */
export async function listJobs(
  cwd: string,
  root: string | null = findProjectRoot(cwd),
): Promise<readonly ListedJob[]> {
  const folder = root === null ? null : join(root, "jobs");
  if (folder === null || !existsSync(folder)) return [];
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => extension.test(path) && !path.split("/").some((step) => step.startsWith(".")))
    .sort()
    .map((path) => join(folder, path));
  return Promise.all(paths.map((path) => listJob(path, relative(cwd, path))));
}

async function listJob(path: string, file: string): Promise<ListedJob> {
  const unreadable = (error: string): ListedJob => ({
    name: fileName(path),
    path,
    model: null,
    to: null,
    every: null,
    schedule: null,
    after: [],
    error,
  });
  try {
    const parsed = parseYaml(await readSpecFile(path, file), file);
    if (parsed.kind === "broken") return unreadable(parsed.diagnostics[0]?.message ?? "it is not YAML");
    const { tree } = parsed.source;
    const text = (...steps: readonly string[]): string | null => {
      const value = valueAt(tree, steps);
      return typeof value === "string" ? value : null;
    };
    const cron = text("schedule", "cron");
    const after = listAt(tree, "after");
    const every = text("intervals", "every");
    return {
      name: text("name") ?? fileName(path),
      path,
      model: text("model") ?? text("model", "path"),
      to: text("write", "to"),
      every,
      schedule:
        cron !== null
          ? { cron, timezone: text("schedule", "timezone") ?? "UTC" }
          : after.length > 0 && every !== null
            ? ofAfter(every, text("intervals", "start"), text("intervals", "timezone"))
            : null,
      after,
      error: null,
    };
  } catch (error) {
    if (error instanceof SpecError) return unreadable(error.message);
    throw error;
  }
}

function ofAfter(every: string, start: string | null, timezone: string | null): ListedJob["schedule"] {
  const schedule = scheduleOfAfter(every, start, timezone ?? "UTC");
  return { cron: schedule.expression, timezone: schedule.timezone };
}

function listAt(tree: JsonValue, key: string): readonly string[] {
  const value = valueAt(tree, [key]);
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

function findPath(path: string, cwd: string): string {
  if (schemeOf(path) !== null)
    throw new SpecError("usage.unsupported-scheme", `${shownAddress(path)} is not on the local file system`, {
      hint: "Name a job, or the path of its spec.",
    });
  const absolute = resolve(cwd, path);
  if (existsSync(absolute)) return absolute;
  const folder = dirname(absolute);
  const neighbours = existsSync(folder) ? readdirSync(folder) : [];
  const near = closest(
    basename(absolute),
    neighbours.filter((name) => extension.test(name)),
  );
  throw new SpecError("spec.not-found", `there is no file ${path}`, {
    hint:
      near === null
        ? "list the jobs with `nightshift ls jobs`"
        : `did you mean \`${join(dirname(path), near)}\`?`,
    details: { file: path },
  });
}

function fileName(path: string): string {
  return basename(path).replace(extension, "");
}
