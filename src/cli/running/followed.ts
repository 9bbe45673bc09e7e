import type { RunOutcome } from "../../running/run-request.js";

/** A run that was followed to its end by this process. */
export interface Followed {
  readonly outcome: RunOutcome;
  /** Rows that this process saw accepted; a resumed run's outcome counts those of earlier processes, too. */
  readonly rowsScored: number;
}
