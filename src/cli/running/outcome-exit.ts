import { exitCodeOf, exitCodes, isRunCancelled } from "../../errors.js";
import type { RunOutcome } from "../../running/run-request.js";

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
