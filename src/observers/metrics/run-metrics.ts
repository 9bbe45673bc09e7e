/**
 * Metrics of coordinators: runs and their results. A partition counts once, when its receipt is accepted,
 * regardless of where it was scored. Partitions that an earlier process had accepted before the run was
 * resumed are not counted again.
 */

import { type AttemptStats, type RowCounts, writtenRows } from "../../job/partition.js";
import type { Run } from "../../job/run.js";
import type { RunEvent } from "../../job/run-events.js";
import type { Observer, RunEnd } from "../observer.js";
import type { Families } from "./families.js";

/** State of a running run. */
interface Underway {
  readonly job: string;
  readonly publishingMs: number | null;
}

/** Creates the series at 0. A series that appears with its first count does not show an increase. */
export function beginRuns(of: Families, job: string, trigger: Run["trigger"]): void {
  for (const status of ["published", "failed"]) of.runs.inc({ job, trigger, status }, 0);
  for (const counter of [of.rowsRead, of.rowsPredicted, of.rowsWritten, of.rowsQuarantined])
    counter.inc({ job }, 0);
}

export function runMetrics(of: Families): Observer {
  const runs = new Map<string, Underway>();

  function on(event: RunEvent): void {
    if (event.type === "run.started") {
      beginRuns(of, event.job, event.trigger);
      runs.set(event.runId, { job: event.job, publishingMs: null });
      return;
    }
    const run = runs.get(event.runId);
    if (run === undefined) return;
    switch (event.type) {
      case "run.planned":
        if (event.seconds !== undefined) of.stepDuration.observe({ step: "plan" }, event.seconds);
        if (event.model !== undefined) {
          const { name: model, sha256, engine } = event.model;
          of.modelInfo.set({ model, sha256, engine, provider: event.provider }, 1);
        }
        break;
      case "partition.accepted":
        countPartition(run.job, event.rows, event.stats);
        break;
      case "run.publishing":
        runs.set(event.runId, { ...run, publishingMs: Date.parse(event.at) });
        break;
      case "run.published":
        of.rowsWritten.inc({ job: run.job }, writtenRows(event.rows, event.changes));
        if (run.publishingMs !== null)
          of.stepDuration.observe(
            { step: "publish" },
            Math.max(0, Date.parse(event.at) - run.publishingMs) / 1000,
          );
        runs.delete(event.runId);
        break;
      case "run.failed":
      case "run.cancelled":
      case "run.superseded":
        runs.delete(event.runId);
        break;
    }
  }

  function countPartition(job: string, rows: RowCounts, stats: AttemptStats): void {
    of.rowsRead.inc({ job }, rows.read);
    of.rowsPredicted.inc({ job }, rows.predicted);
    of.rowsQuarantined.inc({ job }, rows.quarantined);
    of.bytesRead.inc({ job }, stats.bytesRead);
    of.bytesWritten.inc({ job }, stats.bytesWritten);
    for (const [step, seconds] of Object.entries(stats.seconds)) of.stepDuration.observe({ step }, seconds);
  }

  function ended({ job, trigger, status, seconds }: RunEnd): void {
    of.runs.inc({ job, trigger, status });
    // Only runs with work count: nights without any would make the others look fast.
    if (status === "published" || status === "failed") of.runDuration.observe({ job }, seconds);
  }

  return { on, ended };
}
