import type { Run } from "../../job/run.js";
import type { RunEvent } from "../../job/run-events.js";
import type { JournalRecord } from "./records.js";

/** Returns the event of a record; `null` for internal records that are not events. */
export function toEvent(run: Run, record: JournalRecord): RunEvent | null {
  const common = { runId: run.id, at: record.at };
  switch (record.type) {
    case "adopted":
      return { ...common, type: "run.started", ...startOf(run), resumed: record.previous !== null };
    case "planned": {
      const { totals, threads, provider, found, warnings } = record;
      return { ...common, type: "run.planned", totals, threads, provider, found, warnings };
    }
    case "started": {
      const { partition, epoch, attemptId } = record;
      return { ...common, type: "partition.started", partition, epoch, attemptId };
    }
    case "accepted": {
      const { ref, attemptId, rows, stats } = record.receipt;
      const { partition, epoch } = ref;
      return { ...common, type: "partition.accepted", partition, epoch, attemptId, rows, stats };
    }
    case "fenced": {
      const { partition, epoch, attemptId } = record;
      return { ...common, type: "partition.fenced", partition, epoch, attemptId, refused: "receipt" };
    }
    case "attempt-failed": {
      const { partition, epoch, failure } = record;
      const { attemptId, error, next } = failure;
      return { ...common, type: "partition.failed", partition, epoch, attemptId, error, next };
    }
    case "publishing":
      return { ...common, type: "run.publishing", rows: record.rows };
    case "published": {
      const { publication, rows } = record;
      return { ...common, type: "run.published", publication, rows, target: run.target };
    }
    case "failed":
      return { ...common, type: "run.failed", error: record.error };
    case "cancelled":
      return { ...common, type: "run.cancelled" };
    case "claimed":
    case "leased":
    case "revived":
    case "dropped":
    case "released":
      return null;
  }
}

function startOf({ jobName, trigger, interval }: Run) {
  return { job: jobName, trigger, interval };
}

/**
 * Whether no record follows this one unless the run is claimed again; `null`: the record does not determine
 * that.
 */
export function endsRun(record: JournalRecord): boolean | null {
  switch (record.type) {
    case "published":
    case "failed":
    case "cancelled":
    case "dropped":
      return true;
    case "adopted":
      return false;
    default:
      return null;
  }
}
