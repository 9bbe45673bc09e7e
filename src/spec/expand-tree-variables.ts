/** Expands environment variables and secret files in a whole spec. */
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { JsonValue } from "../errors.js";
import type { Problem, SpecPath } from "../job/spec-problem.js";
import { isBelowRoot } from "./inside-root.js";
import type { Secrets } from "./secrets.js";
import { mapStrings } from "./spec-source.js";
import { expandVariables } from "./variables.js";

const maxSecretBytes = 64 * 1024;

export interface TreeVariableContext {
  /** Absolute; `${file:…}` is relative to it. */
  readonly baseDir: string;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly secrets: Secrets;
}

interface ExpandedVariables {
  readonly tree: JsonValue;
  /** Paths of values that contain a secret. */
  readonly secretPaths: readonly SpecPath[];
  readonly problems: readonly Problem[];
}

export function expandTreeVariables(tree: JsonValue, context: TreeVariableContext): ExpandedVariables {
  const problems: Problem[] = [];
  const secretPaths: SpecPath[] = [];
  const readFile = (path: string): ReturnType<typeof readSecretFile> => readSecretFile(context, path);
  const expanded = mapStrings(tree, (text, path) => {
    const result = expandVariables(text, { ...context, readFile });
    for (const problem of result.problems) problems.push({ path, at: "value", ...problem });
    if (result.isSecret) secretPaths.push(path);
    return result.text;
  });
  return { tree: expanded, secretPaths, problems };
}

/** Like {@link expandTreeVariables}, for one text; the first problem is returned as a sentence. */
export function expandText(
  text: string,
  context: TreeVariableContext,
): { readonly text: string; readonly problem: string | null } {
  const readFile = (path: string): ReturnType<typeof readSecretFile> => readSecretFile(context, path);
  const expanded = expandVariables(text, { ...context, readFile });
  return { text: expanded.text, problem: expanded.problems[0]?.message ?? null };
}

function readSecretFile(
  { baseDir, environment }: TreeVariableContext,
  path: string,
): { readonly text: string } | { readonly failure: string } {
  const absolute = resolve(baseDir, path);
  const allowed = environment.NIGHTSHIFT_SECRET_DIR;
  if (allowed !== undefined && allowed !== "" && !isBelowRoot(absolute, resolve(allowed)))
    return { failure: `\`${path}\` is not below NIGHTSHIFT_SECRET_DIR` };
  try {
    const stat = statSync(absolute);
    if (!stat.isFile()) return { failure: `\`${path}\` is not a file` };
    if (stat.size > maxSecretBytes) return { failure: `\`${path}\` is larger than 64 KiB` };
    return { text: readFileSync(absolute, "utf8") };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return { failure: `there is no file \`${path}\`` };
    if (code === "EACCES") return { failure: `\`${path}\` cannot be read: permission denied` };
    throw error;
  }
}
