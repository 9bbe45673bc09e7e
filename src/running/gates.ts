/** Conditions on a whole run, judged once all of its partitions are accepted and before publication begins. */
import { DataError } from "../errors.js";
import { describeInput } from "../job/input.js";
import type { RowCounts } from "../job/partition.js";
import type { Plan } from "../job/plan.js";
import { type Reasons, refuseOverspent } from "../scoring/row-policy.js";

/** What a gate judges: sums over all accepted partitions, proved to be complete. */
export interface GateFacts {
  readonly plan: Plan;
  readonly rows: RowCounts;
  /** Failed rows by reason code. */
  readonly reasons: Reasons;
}

export interface Gate {
  readonly name: string;
  /** @throws NightshiftError why the run must not be published */
  readonly judge: (facts: GateFacts) => void;
}

const errorBudget: Gate = {
  name: "error-budget",
  judge: ({ plan, rows, reasons }) => refuseOverspent(plan.job.rowPolicy, reasons, rows.read),
};

const emptyInput: Gate = {
  name: "empty-input",
  judge({ plan: { job, totals }, rows }) {
    // An input that was empty when the run was planned was judged then.
    if (rows.read > 0 || totals.rows === 0 || job.input.onEmpty === "publish") return;
    throw new DataError(
      "source.empty",
      `The input has no rows any more: ${describeInput(job.input)}. Nothing is published.`,
      { hint: "Start it again once there are rows, or set input.on_empty to publish." },
    );
  },
};

/** In the order in which they are judged; the first that refuses ends the run. */
const gates: readonly Gate[] = [errorBudget, emptyInput];

/** @throws what the first gate that refuses the run throws */
export function passGates(facts: GateFacts): void {
  for (const { judge } of gates) judge(facts);
}
