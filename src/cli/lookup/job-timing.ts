/** When a job ran last, when it runs next, and how old its predictions are. */
import type { App } from "../../app.js";
import type { RunState } from "../../run.js";
import { type Cron, nextInstant } from "../../time/cron.js";

export interface TimedJob {
  readonly name: string;
  readonly schedule: { readonly cron: Cron; readonly timezone: string } | null;
}

export interface JobTiming {
  /** When the newest interval was published; ISO 8601. */
  readonly last: string | null;
  readonly next: string | null;
  readonly paused: boolean;
  /** Since the end of the newest interval that is published; without intervals since the last publication. */
  readonly freshnessSeconds: number | null;
}

export async function jobTiming(
  app: Pick<App, "ledger" | "scheduleBook" | "sink">,
): Promise<(job: TimedJob, now: Date) => Promise<JobTiming>> {
  const ledger = await app.ledger();
  const book = await app.scheduleBook();

  /** Of the newest interval; a backfill may have published older ones since. */
  async function lastPublished(jobName: string): Promise<RunState | null> {
    const published: RunState[] = [];
    for await (const state of ledger.listRuns({ jobName, statuses: ["published"] })) published.push(state);
    const newestFirst = published.sort((a, b) => startOf(b).localeCompare(startOf(a)));
    for (const state of newestFirst) if (!(await isRolledBack(state))) return state;
    return null;
  }

  /** The ledger does not know; an output that cannot be asked any more does not hide what the ledger knows. */
  async function isRolledBack({ run }: RunState): Promise<boolean> {
    const decision = await app
      .sink(run.job.write)
      .then((sink) => sink.lookup(run.id))
      .catch(() => null);
    return decision?.rolledBack === true;
  }

  return async ({ name, schedule }, now) => {
    const published = await lastPublished(name);
    const paused = schedule !== null && (await book.isPaused(name));
    const freshAt = published === null ? null : (published.run.interval?.end ?? published.updatedAt);
    const next = schedule === null || paused ? null : nextInstant(schedule.cron, schedule.timezone, now);
    return {
      last: published?.updatedAt ?? null,
      next: next?.toISOString() ?? null,
      paused,
      freshnessSeconds: freshAt === null ? null : Math.max(0, (now.getTime() - Date.parse(freshAt)) / 1000),
    };
  };
}

/** Empty without intervals, where the order of the ledger stays: newest first. */
function startOf({ run }: RunState): string {
  return run.interval?.start ?? "";
}
