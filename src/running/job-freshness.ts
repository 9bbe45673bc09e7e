/** How old the predictions of jobs are, by what the ledger has. */
import type { Ledger, RunFilter } from "../ledger.js";
import type { JobFreshness } from "../run.js";

/** Of every job that was ever published; a backfill may have published older intervals since. */
export async function readFreshness(
  ledger: Pick<Ledger, "listRuns">,
  filter: RunFilter = {},
): Promise<readonly JobFreshness[]> {
  const jobs = new Map<string, JobFreshness>();
  for await (const { run, status, updatedAt } of ledger.listRuns(filter)) {
    if (status !== "published") continue;
    const of = { job: run.jobName, lastSuccess: updatedAt, freshSince: run.interval?.end ?? updatedAt };
    jobs.set(run.jobName, fresher(jobs.get(run.jobName), of));
  }
  return [...jobs.values()];
}

function fresher(known: JobFreshness | undefined, seen: JobFreshness): JobFreshness {
  if (known === undefined) return seen;
  const later = (a: string, b: string): string => (Date.parse(a) >= Date.parse(b) ? a : b);
  return {
    job: seen.job,
    lastSuccess: later(known.lastSuccess, seen.lastSuccess),
    freshSince: later(known.freshSince, seen.freshSince),
  };
}
