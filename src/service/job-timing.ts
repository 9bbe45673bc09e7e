/** Determines when a job ran last, when it runs next, and how old its predictions are. */

import { newestPublished } from "../running/job-freshness.js";
import { lastEndOf } from "../running/last-end.js";
import { type Cron, nextInstant } from "../time/cron.js";
import type { App } from "./context.js";

export interface TimedJob {
  readonly name: string;
  readonly schedule: { readonly cron: Cron; readonly timezone: string } | null;
}

export interface JobTiming {
  /** When the newest interval was published; ISO 8601. */
  readonly last: string | null;
  /** When its last run or tick failed; `null` if the last one that ended was published. */
  readonly lastFailure: string | null;
  readonly next: string | null;
  readonly paused: boolean;
  /** Age since the end of the newest published interval; without intervals, since the last publication. */
  readonly freshnessSeconds: number | null;
}

export async function jobTiming(
  app: Pick<App, "ledger" | "scheduleStore" | "sink">,
): Promise<(job: TimedJob, now: Date) => Promise<JobTiming>> {
  const ledger = await app.ledger();
  const store = await app.scheduleStore();

  return async ({ name, schedule }, now) => {
    const published = await newestPublished(name, { ledger, sink: app.sink });
    const last = await lastEndOf(name, ledger, store);
    const paused = schedule !== null && (await store.isPaused(name));
    const freshAt = published?.freshness.freshSince ?? null;
    const next = schedule === null || paused ? null : nextInstant(schedule.cron, schedule.timezone, now);
    return {
      last: published?.newest.updatedAt ?? null,
      lastFailure: last?.status === "failed" ? last.at : null,
      next: next?.toISOString() ?? null,
      paused,
      freshnessSeconds: freshAt === null ? null : Math.max(0, (now.getTime() - Date.parse(freshAt)) / 1000),
    };
  };
}
