/** Finds unfinished runs that a later publication of the same output has made pointless: `gc` gives them up. */
import type { ErrorRecord } from "../errors.js";
import { targetOf, type WriteSpec } from "../job/output.js";
import type { Run, RunState } from "../job/run.js";
import { wayOn } from "../job/way-on.js";
import type { Ledger } from "../ledgers/ledger.js";

/** Whoever claims one of these finds out whether a process still works on it. */
export async function supersededRuns(ledger: Ledger, write: WriteSpec): Promise<readonly Run[]> {
  const target = targetOf(write);
  const unfinished: RunState[] = [];
  const published: Run[] = [];
  for await (const state of ledger.listRuns()) {
    if (targetOf(state.run.job.write) !== target || state.status === "dropped") continue;
    if (state.status === "published") published.push(state.run);
    else unfinished.push(state);
  }
  return unfinished
    .filter((state) => published.some((later) => isPointlessAfter(state, later)))
    .map(({ run }) => run);
}

function isPointlessAfter({ run, error }: RunState, later: Run): boolean {
  if (later.createdAt <= run.createdAt) return false;
  const isSameJob = later.key.jobId === run.key.jobId;
  if (isSameJob && later.key.scope === run.key.scope) return later.key.generation > run.key.generation;
  if (replacesAll(later)) return true;
  return isSameJob && run.interval === null && error !== null && isUnrepeatable(error);
}

/** Whether `retry` fails again for as long as the run has its plan, or its pinned model was replaced. */
function isUnrepeatable(error: ErrorRecord): boolean {
  return wayOn(error) === "restart" || error.code === "model.changed";
}

/** Whether nothing of what earlier runs published stays. */
function replacesAll({ interval, job: { write } }: Run): boolean {
  if (write.mode === "append" || write.mode === "upsert") return false;
  return interval === null || write.partitionBy.length === 0;
}
