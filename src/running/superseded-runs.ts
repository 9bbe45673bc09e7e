/** Finds unfinished runs that a later publication of the same output has made obsolete: `gc` drops them. */
import type { ErrorRecord } from "../errors.js";
import type { Run, RunState } from "../job/run.js";
import { wayOn } from "../job/way-on.js";

/** What is kept of a published run while garbage is collected: there may be many. */
export interface PublishedRun extends Pick<Run, "key" | "createdAt"> {
  readonly replacesAll: boolean;
}

/** Returns those of the unfinished runs of an output that a publication of it has made pointless. */
export function supersededRuns(
  unfinished: readonly RunState[],
  published: readonly PublishedRun[],
): readonly Run[] {
  return unfinished
    .filter((state) => published.some((later) => isPointlessAfter(state, later)))
    .map(({ run }) => run);
}

function isPointlessAfter({ run, error }: RunState, later: PublishedRun): boolean {
  if (later.createdAt <= run.createdAt) return false;
  const isSameJob = later.key.jobId === run.key.jobId;
  if (isSameJob && later.key.scope === run.key.scope) return later.key.generation > run.key.generation;
  if (later.replacesAll) return true;
  return isSameJob && run.interval === null && error !== null && isUnrepeatable(error);
}

/** Whether `retry` would fail as long as the run has its plan, or its pinned model was replaced. */
function isUnrepeatable(error: ErrorRecord): boolean {
  return wayOn(error) === "restart" || error.code === "model.changed";
}

/** Whether nothing of what earlier runs published stays. */
export function replacesAll({ interval, job: { write } }: Run): boolean {
  if (write.mode === "append" || write.mode === "upsert") return false;
  return interval === null || write.partitionBy.length === 0;
}
