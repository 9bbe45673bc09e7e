import { isRunCancelled } from "../../errors.js";
import type { Decision, IntervalEnd } from "../../service/backfill.js";
import type { Every } from "../../time/interval.js";
import { type CellState, intervalGrid } from "../output/interval-grid.js";
import type { Paint } from "../output/paint.js";

/** Where all intervals of a backfill stand at its end. */
export function gridAfter(
  every: Every,
  decisions: readonly Decision[],
  ends: readonly IntervalEnd[],
  paint: Paint,
): string {
  const ended = new Map(ends.map((end) => [end.decision, end]));
  const cells = decisions.map((decision) => {
    const end = ended.get(decision);
    return { interval: decision.interval, state: end === undefined ? decision.standing : stateAfter(end) };
  });
  return intervalGrid(every, cells, paint);
}

function stateAfter({ decision, outcome, error }: IntervalEnd): CellState {
  if (isRunCancelled(error)) return "cancelled";
  if (error?.kind === "cancelled") return "interrupted";
  // No run was made: the interval stands as before, and `status --job` shows it so.
  if (outcome === null || (error !== null && outcome.run === null)) return decision.standing;
  if (error !== null) return "failed";
  if (outcome.status === "skipped") return "skipped";
  return outcome.rows.quarantined > 0 ? "quarantined" : "published";
}
