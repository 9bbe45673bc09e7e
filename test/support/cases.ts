/**
 * Small inputs from public bug reports of this and of other tools: `fixtures/cases/<name>/`. A README there says what
 * the case is, `expected.json` what must happen.
 */
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scratch } from "./scratch.js";

const root = fileURLToPath(new URL("../../fixtures/cases/", import.meta.url));

/** Names of all cases. */
export function caseNames(): readonly string[] {
  return readdirSync(root).sort();
}

/** Copies a case into a temporary folder, so that a run may write beside its input. @returns the folder */
export function copyOfCase(name: string): string {
  const folder = scratch();
  cpSync(join(root, name), folder, { recursive: true });
  return folder;
}

/** Reads `expected.json` of a case. */
export function expectedOf(name: string): { readonly [key: string]: unknown } {
  return JSON.parse(readFileSync(join(root, name, "expected.json"), "utf8"));
}
