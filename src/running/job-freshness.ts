/** Determines the age of a job's predictions from the ledger and the output. */

import type { JobFreshness, RunState } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Sink } from "../sinks/sink.js";
import { jobIdOf } from "./run-identity.js";

export interface FreshnessParts {
  readonly ledger: Pick<Ledger, "listRuns">;
  readonly sink: (write: RunState["run"]["job"]["write"]) => Promise<Pick<Sink, "lookup">>;
}

/**
 * Returns the newest interval that is published and was not rolled back; a backfill may have published older
 * ones since. Runs of `score` are not runs of the job, even if they have its name.
 *
 * @returns `null` if nothing is published
 */
export async function newestPublished(
  jobName: string,
  { ledger, sink }: FreshnessParts,
): Promise<{ readonly newest: RunState; readonly freshness: JobFreshness } | null> {
  const published: RunState[] = [];
  for await (const state of ledger.listRuns({ jobName, statuses: ["published"] }))
    if (!isScore(state)) published.push(state);
  const newestFirst = published.toSorted((a, b) => startOf(b).localeCompare(startOf(a)));
  let lastSuccess = "";
  for (const { updatedAt } of published)
    if (lastSuccess === "" || Date.parse(updatedAt) > Date.parse(lastSuccess)) lastSuccess = updatedAt;
  for (const newest of newestFirst) {
    if (await isRolledBack(newest, sink)) continue;
    const freshSince = newest.run.interval?.end ?? newest.updatedAt;
    return { newest, freshness: { job: jobName, lastSuccess, freshSince } };
  }
  return null;
}

export async function readFreshness(
  jobNames: readonly string[],
  parts: FreshnessParts,
): Promise<readonly JobFreshness[]> {
  const jobs: JobFreshness[] = [];
  for (const name of jobNames) {
    const found = await newestPublished(name, parts);
    if (found !== null) jobs.push(found.freshness);
  }
  return jobs;
}

/** The output alone identifies such a job. */
export function isScore({ run }: RunState): boolean {
  return run.key.jobId === jobIdOf(run.job, "score");
}

/** The ledger does not record rollbacks. An unreachable output does not hide what the ledger knows. */
async function isRolledBack({ run }: RunState, sink: FreshnessParts["sink"]): Promise<boolean> {
  const decision = await sink(run.job.write)
    .then((of) => of.lookup(run.id))
    .catch(() => null);
  return decision?.rolledBack === true;
}

/** Empty without intervals; then the ledger's order stays: newest first. */
function startOf({ run }: RunState): string {
  return run.interval?.start ?? "";
}
