import { exitCodeOf, exitCodes, isRunCancelled } from "../../errors.js";
import type { RunOutcome } from "../../running/run-request.js";
import type { IntervalEnd } from "../../service/backfill.js";

export interface ExitRules {
  /** Publishing with quarantined rows is what the caller expects. */
  readonly quarantineExitZero: boolean;
  readonly interruptedBy: "SIGINT" | "SIGTERM" | null;
}

export function outcomeExit(
  outcome: Pick<RunOutcome, "status" | "rows" | "error">,
  { quarantineExitZero, interruptedBy }: ExitRules,
): number {
  switch (outcome.status) {
    case "published":
      return outcome.rows.quarantined > 0 && !quarantineExitZero ? exitCodes.quarantined : exitCodes.ok;
    case "already-published":
    case "skipped":
      return exitCodes.ok;
    case "cancelled":
      if (isRunCancelled(outcome.error)) return exitCodes.failed;
      return interruptedBy === "SIGTERM" ? exitCodes.terminated : exitCodes.interrupted;
    case "failed":
      return outcome.error === null ? exitCodes.failed : exitCodeOf(outcome.error);
  }
}

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
