/** Finds unfinished runs that a later publication of the same output has made pointless: `gc` gives them up. */
import { targetOf, type WriteSpec } from "../job/job.js";
import type { Run, RunState } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";

/** Errors of a run whose pinned input or model was replaced: `retry` fails for as long as the old file is gone. */
const unrepeatable: ReadonlySet<string> = new Set(["source.changed", "model.changed"]);

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
  return isSameJob && run.interval === null && error !== null && unrepeatable.has(error.code);
}

/** Whether nothing of what earlier runs published stays. */
function replacesAll({ interval, job: { write } }: Run): boolean {
  if (write.mode === "append" || write.mode === "upsert") return false;
  return interval === null || write.partitionBy.length === 0;
}
