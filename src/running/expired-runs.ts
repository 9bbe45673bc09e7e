/** Retention: which runs a ledger need not remember any more. */
import type { EndedRun } from "./recorded-runs.js";

/**
 * Returns the runs that ended before a time, but for two of each job: its newest run, and its newest published interval,
 * by which freshness is judged.
 *
 * @param ended newest first
 */
export function expiredRuns(ended: readonly EndedRun[], before: Date): readonly EndedRun[] {
  const newest = new Map<string, EndedRun>();
  const freshest = new Map<string, EndedRun>();
  for (const run of ended) {
    if (!newest.has(run.jobId)) newest.set(run.jobId, run);
    const known = freshest.get(run.jobId);
    if (run.status === "published" && (known === undefined || run.start > known.start))
      freshest.set(run.jobId, run);
  }
  const kept = new Set([...newest.values(), ...freshest.values()].map(({ id }) => id));
  return ended.filter(({ id, updatedAt }) => Date.parse(updatedAt) < before.getTime() && !kept.has(id));
}
