import type { PlanTotals } from "../../job/partition.js";
import type { Progress, RunEvent } from "../../job/run-events.js";

/** Where a run stands, folded from its events: what a bar or a line is drawn from. */
export interface RunView {
  readonly phase: "planning" | "scoring" | "publishing" | "ended";
  readonly totals: PlanTotals | null;
  /** Rows of accepted partitions: a floor for progress, where no `run.progress` came. */
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

/** The numbers to show now; `null` while nothing is known. */
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
