/** What `init` does with a file of the training library's own predictions: compares it once, then the job has it as `check`. */
import { existsSync } from "node:fs";
import { SpecError } from "../../errors.js";
import type { CheckSpec } from "../../job/job.js";
import type { Plan } from "../../job/plan.js";
import { localPath } from "../../service/paths.js";
import { checkFacts } from "../output/plan-text.js";
import type { Prompt } from "./prompt.js";

/** Shown where no file was given. */
export const howToCheck =
  'a wrong export is noticed by rows with the training library\'s own predictions: docs/export.md, "Check every run", has the lines of Python; then init --check <file>';

export interface CheckQuestion {
  readonly file: string | undefined;
  readonly tolerance: number;
  readonly cwd: string;
  /** Plans the job with this check, which compares. */
  readonly plan: (check: CheckSpec) => Promise<Plan>;
}

/**
 * The check that the job is written with, after it has passed; `null` without one. On a terminal it is asked for, and a file
 * that cannot be compared is asked for again. A difference is an error in any case.
 * @throws SpecError `refused.check-failed`, `check.*`
 */
export async function comparedOnce(
  { file, tolerance, cwd, plan }: CheckQuestion,
  prompt: Prompt | null,
): Promise<CheckSpec | null> {
  for (
    let given = file ?? (await askCheck(prompt, cwd));
    given !== null;
    given = await askCheck(prompt, cwd)
  ) {
    const check = { file: localPath(given, cwd), tolerance };
    try {
      const planned = await plan(check);
      for (const [, told] of checkFacts(planned, cwd)) prompt?.say(`  ${told}`);
      return check;
    } catch (error) {
      if (prompt === null || !(error instanceof SpecError) || !error.code.startsWith("check.")) throw error;
      prompt.say(`  ${error.message}; ${error.hint ?? ""}`);
    }
  }
  return null;
}

async function askCheck(prompt: Prompt | null, cwd: string): Promise<string | null> {
  if (prompt === null) return null;
  const answer = await prompt.ask({
    text: "Parquet file with rows and the training library's own predictions, to compare with?",
    offered: "none",
    refuse: (path) =>
      path === "none" || existsSync(localPath(path, cwd)) ? null : `there is no file ${path}`,
  });
  return answer === "none" ? null : answer;
}
