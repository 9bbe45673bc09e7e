/** Reads errors and hints as a user reads them, so that a test can do what they say. */
import type { Finished } from "./nightshift.js";

export interface ToldError {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly details: { readonly [name: string]: unknown };
}

/** The error that a command with `--json` ended with. @throws Error where it ended without one */
export function errorIn({ stderr }: Finished): ToldError {
  const lines = stderr.split("\n").filter((line) => line.startsWith('{"error"'));
  const [last] = lines.slice(-1);
  if (last === undefined) throw new Error(`the command printed no error: ${stderr}`);
  return JSON.parse(last).error;
}

/** The options that a hint names, in its order. */
export function flagsIn(hint: string): readonly string[] {
  return hint.match(/--[a-z][a-z-]+/g) ?? [];
}
