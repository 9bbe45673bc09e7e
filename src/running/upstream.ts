/** Jobs that another job waits for: which of their intervals it needs, and whether those are published. */
import { SpecError } from "../errors.js";
import type { Interval, Job } from "../job/job.js";
import type { WriteSpec } from "../job/output.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Sink } from "../sinks/sink.js";
import { type IntervalRule, intervalsThrough } from "../time/interval.js";
import { findStanding } from "./choose-run.js";
import { jobIdOf } from "./run-identity.js";

export interface Upstream {
  readonly name: string;
  readonly rule: IntervalRule;
  readonly jobAt: (interval: Interval) => Promise<Job>;
}

export interface UpstreamParts {
  readonly ledger: Ledger;
  readonly sink: (write: WriteSpec) => Promise<Sink>;
}

export const unpublishedCode = "refused.upstream-unpublished";

/**
 * Returns the error for the first unpublished interval, for a run that does not wait; `null` if all are
 * published. A job needs every interval of the other job that shares an instant with its own: an hour needs
 * the day around it, a day its 24 hours.
 */
export async function unpublishedUpstream(
  interval: Interval,
  upstreams: readonly Upstream[],
  { ledger, sink }: UpstreamParts,
): Promise<SpecError | null> {
  const last = new Date(Date.parse(interval.end) - 1);
  for (const { name, rule, jobAt } of upstreams)
    for (const needed of intervalsThrough(new Date(interval.start), last, rule)) {
      const job = await jobAt(needed);
      const key = { jobId: jobIdOf(job, "spec"), scope: needed.start };
      const { published } = await findStanding(key, ledger, await sink(job.write));
      if (published !== null) continue;
      const label = rule.every === "hour" ? needed.start : needed.ds;
      return new SpecError(
        unpublishedCode,
        `${name} is not published for ${label}, and this job runs after it`,
        {
          hint: `Run it first: nightshift run ${name} --at ${label}; or wait for it with --wait-for.`,
          details: { job: name, interval: needed.start },
        },
      );
    }
  return null;
}
