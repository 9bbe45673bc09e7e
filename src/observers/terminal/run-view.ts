import type { PlanTotals } from "../../job/partition.js";
import type { Progress, RunEvent } from "../../job/run-events.js";

/** State of a run, folded from its events: the input of a progress bar or line. */
export interface RunView {
  readonly phase: "planning" | "scoring" | "publishing" | "ended";
  readonly totals: PlanTotals | null;
  /** Rows of accepted partitions: the minimum progress if there was no `run.progress` event. */
  readonly accepted: { readonly partitions: number; readonly rows: number; readonly quarantined: number };
  readonly progress: Progress | null;
}

export const firstView: RunView = {
  phase: "planning",
  totals: null,
  accepted: { partitions: 0, rows: 0, quarantined: 0 },
  progress: null,
};

export function nextView(view: RunView, event: RunEvent): RunView {
  switch (event.type) {
    case "run.started":
      return firstView;
    case "run.planned":
      return { ...view, phase: "scoring", totals: event.totals };
    case "partition.accepted":
      return {
        ...view,
        accepted: {
          partitions: view.accepted.partitions + 1,
          rows: view.accepted.rows + event.rows.read,
          quarantined: view.accepted.quarantined + event.rows.quarantined,
        },
      };
    case "run.progress":
      return { ...view, phase: "scoring", progress: event };
    case "run.publishing":
      return { ...view, phase: "publishing" };
    case "run.published":
    case "run.already-published":
    case "run.failed":
    case "run.cancelled":
      return { ...view, phase: "ended" };
    default:
      return view;
  }
}

/** Returns the numbers to show now; `null` if none are known. */
export function shownProgress(view: RunView): Progress | null {
  const { progress, accepted, totals } = view;
  if (progress === null && totals === null) return null;
  return {
    rowsDone: Math.max(progress?.rowsDone ?? 0, accepted.rows),
    rowsTotal: progress?.rowsTotal ?? totals?.rows ?? 0,
    quarantined: Math.max(progress?.quarantined ?? 0, accepted.quarantined),
    partitionsDone: Math.max(progress?.partitionsDone ?? 0, accepted.partitions),
    partitionsTotal: progress?.partitionsTotal ?? totals?.partitions ?? 0,
    rowsPerSecond: progress?.rowsPerSecond ?? 0,
    secondsLeft: progress?.secondsLeft ?? null,
    limitingStep: progress?.limitingStep ?? null,
  };
}
