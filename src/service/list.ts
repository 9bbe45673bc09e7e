/** Lists: jobs with their times, runs with their status, ticks, partitions. */

import type { PartitionState } from "../job/partition.js";
import type { RunState } from "../job/run.js";
import type { RecordedTick } from "../ledgers/schedule-store.js";
import { newestPublished } from "../running/job-freshness.js";
import { lastEndOf } from "../running/last-end.js";
import { type Cron, nextInstant, parseCron } from "../time/cron.js";
import { isTimezone } from "../time/zone-clock.js";
import type { App, ServiceContext } from "./context.js";
import { type JobHere, jobsHere, scheduledJobNamed } from "./jobs.js";
import { runFor, type ShownStatus, statusCheck } from "./run-status.js";

export interface TimedJob {
  readonly name: string;
  readonly schedule: { readonly cron: Cron; readonly timezone: string } | null;
}

export interface JobTiming {
  /** When the newest interval was published; ISO 8601. */
  readonly last: string | null;
  /** When its last run or tick failed; `null` where the last one that ended was published. */
  readonly lastFailure: string | null;
  readonly next: string | null;
  readonly paused: boolean;
  /** Since the end of the newest interval that is published; without intervals since the last publication. */
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

export interface ListedJob extends JobHere, JobTiming {}

/** Returns every spec of the jobs folder: when it ran last, when it runs next, and how old its predictions are. */
export async function listJobs(context: ServiceContext): Promise<readonly ListedJob[]> {
  const jobs = await jobsHere(context);
  const timing = await jobTiming(await context.app());
  const now = context.clock.now();
  return Promise.all(
    jobs.map(async (job) => ({
      ...job,
      ...(await timing({ name: job.name, schedule: scheduleOf(job) }, now)),
    })),
  );
}

/** The schedule as far as the spec can be read without a check. */
function scheduleOf({ schedule }: JobHere): TimedJob["schedule"] {
  if (schedule === null || !isTimezone(schedule.timezone)) return null;
  const parsed = parseCron(schedule.cron);
  return parsed.kind === "mistake" ? null : { cron: parsed.cron, timezone: schedule.timezone };
}

export interface ListFilter {
  /** Newest first, so many. */
  readonly limit: number;
  /** Only those of this job. */
  readonly job?: string | undefined;
}

export interface ListedRun {
  readonly state: RunState;
  readonly status: ShownStatus;
}

/** Returns runs, newest first. */
export async function listRuns(app: App, { limit, job }: ListFilter): Promise<readonly ListedRun[]> {
  const states: RunState[] = [];
  for await (const state of (await app.ledger()).listRuns(job === undefined ? {} : { jobName: job })) {
    states.push(state);
    if (states.length === limit) break;
  }
  const statusOf = await statusCheck(app);
  const runs: ListedRun[] = [];
  for (const state of states) runs.push({ state, status: await statusOf(state) });
  return runs;
}

export type ListedTick = RecordedTick & { readonly job: string };

/** Returns what became of the instants of schedules, newest first. @throws SpecError `spec.not-found`, `usage.no-schedule` */
export async function listTicks(
  context: ServiceContext,
  { limit, job }: ListFilter,
): Promise<readonly ListedTick[]> {
  const names =
    job === undefined
      ? (await jobsHere(context)).flatMap(({ name, schedule }) => (schedule === null ? [] : [name]))
      : [await scheduledJobNamed(context, job)];
  const store = await (await context.app()).scheduleStore();
  const ticks: ListedTick[] = [];
  for (const name of names) {
    let taken = 0;
    for await (const tick of store.ticks(name)) {
      if (taken++ === limit) break;
      ticks.push({ job: name, ...tick });
    }
  }
  return ticks.sort((a, b) => (a.at > b.at ? -1 : 1)).slice(0, limit);
}

/** Returns the partitions of a run, in their order. @throws SpecError `usage.unknown-run` */
export async function listPartitions(app: App, run: string | undefined): Promise<readonly PartitionState[]> {
  const ledger = await app.ledger();
  const { run: found } = await runFor(ledger, run);
  const partitions: PartitionState[] = [];
  for await (const partition of ledger.listPartitions(found.id)) partitions.push(partition);
  return partitions;
}
