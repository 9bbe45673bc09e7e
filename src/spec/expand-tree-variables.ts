/** Environment variables and secret files over a whole spec. */
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { JsonValue } from "../errors.js";
import type { Problem } from "./problem.js";
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

export function expandTreeVariables(
  tree: JsonValue,
  context: TreeVariableContext,
): { readonly tree: JsonValue; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const readFile = (path: string): ReturnType<typeof readSecretFile> => readSecretFile(context.baseDir, path);
  const expanded = mapStrings(tree, (text, path) => {
    const result = expandVariables(text, { ...context, readFile });
    for (const problem of result.problems) problems.push({ path, at: "value", ...problem });
    return result.text;
  });
  return { tree: expanded, problems };
}

/** The same for one text; the first problem is told in a sentence. */
export function expandText(
  text: string,
  context: TreeVariableContext,
): { readonly text: string; readonly problem: string | null } {
  const readFile = (path: string): ReturnType<typeof readSecretFile> => readSecretFile(context.baseDir, path);
  const expanded = expandVariables(text, { ...context, readFile });
  return { text: expanded.text, problem: expanded.problems[0]?.message ?? null };
}

function readSecretFile(
  baseDir: string,
  path: string,
): { readonly text: string } | { readonly failure: string } {
  const absolute = resolve(baseDir, path);
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
