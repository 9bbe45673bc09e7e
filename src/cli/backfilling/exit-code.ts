import { exitCodeOf, exitCodes } from "../../errors.js";
import type { IntervalEnd } from "../../service/backfill.js";
import { type ExitRules, outcomeExit } from "../running/outcome-exit.js";

/**
 * An interrupt and a bug come first. Failures that all end the same way keep that code (a server that is unreachable,
 * an input that is not there); mixed ones are 1.
 */
export function backfillExit(
  ends: readonly IntervalEnd[],
  due: number,
  rules: ExitRules & { readonly isCancelled: boolean },
): number {
  const isCut = ends.length < due || ends.some(({ error }) => error?.kind === "cancelled");
  if (rules.interruptedBy !== null && isCut)
    return rules.interruptedBy === "SIGTERM" ? exitCodes.terminated : exitCodes.interrupted;
  const failures = ends.flatMap(({ error }) => (error === null ? [] : [exitCodeOf(error)]));
  if (failures.includes(exitCodes.bug)) return exitCodes.bug;
  const [first] = failures;
  if (first !== undefined) return failures.every((code) => code === first) ? first : exitCodes.failed;
  if (rules.isCancelled && isCut) return exitCodes.failed;
  return Math.max(
    0,
    ...ends.flatMap(({ outcome }) => (outcome === null ? [] : [outcomeExit(outcome, rules)])),
  );
}
