/** Tells which command can finish what a failed run was to do: the same run, or its next generation. */
import { type ErrorRecord, type NightshiftError, withHint } from "../errors.js";
import { shellLine } from "../text/shell-line.js";
import type { Job } from "./job.js";

/**
 * `retry` continues the run by its stored plan: it helps where something outside the plan was at fault and has been put
 * right. `restart` drops the run and plans anew: it is needed where the plan pins what was at fault, such as the rows, the
 * model, the hooks or the rules for rows that fail.
 */
export type WayOn = "retry" | "restart";

/** Errors of the data, the model and the spec after which the stored plan can succeed, once its files or tables are as they were. */
const restorable: ReadonlySet<string> = new Set([
  "source.not-found",
  "source.not-a-file",
  "source.not-ready",
  "data.asset-changed",
  "data.constraint",
  "mapping.file-changed",
  "model.changed",
  "model.not-found",
  "model.not-a-file",
  "model.load-failed",
  "model.engine-mismatch",
  "model.provider-missing",
  "model.provider-mismatch",
]);

/** Errors of operation whose cause lies in the run itself. */
const lost: ReadonlySet<string> = new Set([
  "infra.aborted",
  "infra.host-deadline",
  "infra.run-decided",
  "infra.staged-missing",
]);

/** Refusals that only another plan avoids. Others name what stands in the way, and `retry` helps once it is gone. */
const planned: ReadonlySet<string> = new Set([
  "refused.empty-output",
  "refused.newer-generation",
  "refused.newer-publication",
  "refused.other-fingerprint",
  "refused.run-dropped",
  "refused.target-exists",
  "postgres.key",
]);

export function wayOn({ kind, code, details }: Pick<ErrorRecord, "kind" | "code" | "details">): WayOn {
  if (restorable.has(code)) return "retry";
  if (code === "data.partition-poisoned") return details.cause === "file-or-model" ? "restart" : "retry";
  switch (kind) {
    case "data":
    case "model":
      return "restart";
    case "infra":
      return lost.has(code) ? "restart" : "retry";
    case "spec":
      return planned.has(code) || /^(spec|hook|mapping)\./.test(code) ? "restart" : "retry";
    case "bug":
    case "cancelled":
      return "retry";
  }
}

/**
 * Returns the flags that drop a failed run and begin anew. A second or later generation may stand over a published one, which
 * `--restart` alone would find, and do nothing.
 */
export function startingOver(runId: string): readonly string[] {
  const [, generation = "1"] = /-g(\d+)$/.exec(runId) ?? [];
  return Number(generation) > 1 ? ["--reprocess", "--restart"] : ["--restart"];
}

/**
 * Returns the hint for a run that can never continue. In place of a later generation, the plain commands would find the
 * published earlier one, and do nothing.
 */
export function startAgain(runId: string): string {
  return startingOver(runId).includes("--reprocess")
    ? "Start it again with nightshift run --reprocess or nightshift score --overwrite."
    : "Start it again with nightshift run or nightshift score.";
}

/**
 * Returns the error of a run with a hint that helps for this run. The code that throws the error need not know the run's
 * generation: hints say `--restart`, and a later generation needs more than that. Nor does it know the command, which would
 * drop what was accepted if it had that option and were run again.
 */
export function withHintOf(error: NightshiftError, runId: string): NightshiftError {
  if (error.hint === undefined) return error;
  const flags = startingOver(runId).join(" ");
  const hint = error.hint
    .replaceAll(/(?<!--reprocess )--restart/g, flags)
    .replace(/the same command again/, "$&, without --restart");
  return hint === error.hint ? error : withHint(error, hint);
}

/**
 * Returns the words that run a job for the same interval and variables. A date names the interval that begins with it.
 * @param subject name of the job, or path of its spec
 */
export function runAgain(
  subject: string,
  { interval, vars = {} }: Pick<Job, "interval" | "vars">,
  ...flags: readonly string[]
): string {
  const values = Object.entries(vars).flatMap(([key, value]) => ["--var", `${key}=${value}`]);
  if (interval === null) return shellLine("run", subject, ...values, ...flags);
  const beginsWithDate = interval.start === `${interval.ds}T00:00:00Z`;
  return shellLine(
    "run",
    subject,
    "--at",
    beginsWithDate ? interval.ds : interval.start,
    ...values,
    ...flags,
  );
}
