/** Whoever looks on while a service runs jobs: its metrics, and notices of each job's troubles. */
import type { App } from "../../app.js";
import { asNightshiftError, type ErrorRecord } from "../../errors.js";
import type { Interval, Job } from "../../job/job.js";
import { deadlineOf, type Notice } from "../../job/notice.js";
import { targetOf } from "../../job/output.js";
import type { TickProgress } from "../../ledgers/schedule-store.js";
import type { Metrics } from "../../observers/metrics/metrics.js";
import type { Observer } from "../../observers/observer.js";
import { openTraces } from "../../observers/traces/open-traces.js";
import { findStanding } from "../../running/choose-run.js";
import { jobIdOf } from "../../running/run-identity.js";
import { latestCompleteInterval } from "../../time/interval.js";
import type { Cli } from "../shell/context.js";
import { openMetrics } from "../watching/metrics.js";
import { dueOf, openNotices } from "../watching/notices.js";
import { jobAt, momentOf } from "./job-at.js";
import type { ServedJob, ServedSpec } from "./spec-folder.js";

export interface JobWatch {
  readonly metrics: Metrics;
  /** For one run. */
  of(served: ServedSpec, tick?: WatchedTick): Promise<readonly Observer[]>;
  /** Called once for a tick that begins to wait for its input, or for its next try. */
  tellWaiting(served: ServedJob, at: Date, progress: TickProgress): Promise<void>;
  /** Tells which jobs have missed a deadline since the last look, where nobody ran them, too. */
  look(jobs: readonly ServedJob[]): Promise<void>;
  close(): Promise<void>;
}

export interface WatchedTick {
  /** `null` at its first try. */
  readonly before: TickProgress | null;
  /** A failure of this kind is not the end of the tick. */
  readonly isTriedAgain: (error: ErrorRecord) => boolean;
}

/** Of an hourly job with a deadline of a day and a half. */
const mostIntervalsBack = 40;

/** @param specs those that are served now */
export async function watchJobs(cli: Cli, app: App, specs: () => readonly ServedSpec[]): Promise<JobWatch> {
  // A job without a time of its own is never stale.
  const timed = () => specs().filter(({ rule, schedule }) => rule !== null || schedule !== null);
  const metrics = await openMetrics(cli, { jobs: () => timed().map(({ name }) => name) });
  const notices = await openNotices(cli);
  const traces = await openTraces();
  const ofAll = [metrics.observer, ...(traces === null ? [] : [traces])];
  const { clock, note } = cli;
  const lookedAt = new Map<string, Date>();

  async function observersOf(served: ServedSpec, tick?: WatchedTick): Promise<readonly Observer[]> {
    const { name, notify } = served;
    if (notify === null) return ofAll;
    // Who was notified that it waits is notified when it is published.
    const isWaitedFor = tick !== undefined && tick.before !== null && notify.events.includes("waiting");
    const due = await dueNow(served);
    const observer = await notices.of({ name, notify, due, ...(isWaitedFor ? { before: "failed" } : {}) });
    return [...ofAll, tick === undefined ? observer : withoutTries(observer, tick)];
  }

  async function tellWaiting(served: ServedJob, at: Date, progress: TickProgress): Promise<void> {
    const { notify, rule } = served;
    if (notify === null) return;
    const interval = rule === null ? null : latestCompleteInterval(at, rule);
    const job = await jobAt(cli, served, momentOf(served, interval)).catch(() => null);
    notices.tell(
      {
        ...{ event: "waiting", at: clock.now().toISOString(), job: served.name, interval },
        ...{ trigger: "schedule", target: job === null ? served.path : targetOf(job.write), runId: null },
        ...{
          error: { ...progress.reason, hint: null },
          remedy: null,
          rows: null,
          deadline: null,
          expectedAt: null,
        },
        until: progress.until ?? progress.nextAt,
      },
      notify,
    );
  }

  async function dueNow(served: ServedSpec) {
    const { rule, notify } = served;
    const interval = rule === null ? null : latestCompleteInterval(clock.now(), rule);
    if (interval === null || notify === null || notify.deadline === null) return null;
    // What is wrong with it the run will tell.
    const job = await jobAt(cli, served, momentOf(served, interval)).catch(() => null);
    // Whatever is published is not late, scored again or not.
    if (job === null || (await isPublished(job, interval).catch(() => false))) return null;
    return dueOf(job, rule, notify, clock.now());
  }

  /** Perhaps by a process that died before readers could see it: that is for whoever goes on with it. */
  async function isPublished(job: Job, { start: scope }: Interval): Promise<boolean> {
    const key = { jobId: jobIdOf(job, "spec"), scope };
    const { published, decided } = await findStanding(key, await app.ledger(), await app.sink(job.write));
    return published !== null || decided !== null;
  }

  async function look(jobs: readonly ServedJob[]): Promise<void> {
    for (const served of jobs) {
      metrics.expect(served.name, "schedule");
      const now = clock.now();
      const since = lookedAt.get(served.name) ?? now;
      lookedAt.set(served.name, now);
      const missed = missedBetween(served, since, now);
      if (missed === null) continue;
      await tellMissed(served, missed.interval, missed.deadline).catch((error: unknown) =>
        note({
          ...{ level: "error", message: "deadline unknown" },
          text: `${served.name}: whether it is late cannot be told: ${asNightshiftError(error).message}`,
          fields: {
            job: served.name,
            code: asNightshiftError(error).code,
            error: asNightshiftError(error).message,
          },
        }),
      );
    }
  }

  async function tellMissed(served: ServedJob, interval: Interval, deadline: Date): Promise<void> {
    const { name, notify } = served;
    if (notify === null || (await (await app.scheduleStore()).isPaused(name))) return;
    const job = await jobAt(cli, served, momentOf(served, interval));
    if (await isPublished(job, interval)) return;
    const notice: Notice = {
      ...{ event: "late", at: clock.now().toISOString(), job: name, interval, trigger: "schedule" },
      ...{ target: targetOf(job.write), runId: null, error: null, remedy: null, rows: null },
      ...{ deadline: deadline.toISOString(), expectedAt: null },
    };
    await notices.tellLate(notice, notify);
  }

  return {
    metrics,
    of: observersOf,
    tellWaiting,
    look,
    close: async () => void (await Promise.all([notices.close(), traces?.close?.()])),
  };
}

/** A try that failed is no news where another one follows. */
function withoutTries(observer: Observer, { isTriedAgain }: WatchedTick): Observer {
  return {
    on: (event) => observer.on(event),
    ended(end) {
      if (end.status === "failed" && end.error !== null && isTriedAgain(end.error)) return;
      observer.ended?.(end);
    },
    ...(observer.close === undefined ? {} : { close: () => observer.close?.() }),
  };
}

/** The newest interval whose deadline came in that time; those before it were said to be late, or are nobody's hurry. */
function missedBetween({ rule, notify }: ServedJob, since: Date, now: Date) {
  if (rule === null || notify === null || notify.deadline === null) return null;
  let interval = latestCompleteInterval(now, rule);
  for (let back = 0; interval !== null && back < mostIntervalsBack; back++) {
    const deadline = deadlineOf(notify.deadline, interval);
    if (deadline <= since) return null;
    if (deadline <= now) return { interval, deadline };
    interval = latestCompleteInterval(new Date(interval.start), rule);
  }
  return null;
}
