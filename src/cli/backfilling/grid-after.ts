import type { Decision, IntervalEnd } from "../../backfill.js";
import { isRunCancelled } from "../../errors.js";
import type { Every } from "../../interval.js";
import { isInputMissing } from "../../running/wait-for-input.js";
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

function stateAfter({ outcome, error }: IntervalEnd): CellState {
  if (isRunCancelled(error)) return "cancelled";
  if (error?.kind === "cancelled") return "interrupted";
  // Nothing was recorded of it: `status --job` shows it so, too.
  if (outcome === null && error !== null && isInputMissing(error)) return "missing";
  if (outcome === null || error !== null) return "failed";
  if (outcome.status === "skipped") return "skipped";
  return outcome.rows.quarantined > 0 ? "quarantined" : "published";
}
