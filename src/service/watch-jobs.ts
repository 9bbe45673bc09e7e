/** Observers of a service's runs: its metrics, and notices of each job's failures and missed deadlines. */

import { asNightshiftError, type ErrorRecord } from "../errors.js";
import type { Interval, Job } from "../job/job.js";
import { deadlineOf, type Notice } from "../job/notice.js";
import { targetOf } from "../job/output.js";
import type { TickProgress } from "../ledgers/schedule-store.js";
import type { Metrics } from "../observers/metrics/metrics.js";
import type { Observer } from "../observers/observer.js";
import { openTraces } from "../observers/traces/open-traces.js";
import { findStanding } from "../running/choose-run.js";
import { jobIdOf } from "../running/run-identity.js";
import type { Upstream } from "../running/upstream.js";
import { latestCompleteInterval } from "../time/interval.js";
import type { App, ServiceContext } from "./context.js";
import { dueOf, openNotices } from "./notices.js";
import { openMetrics } from "./observe.js";
import { hasTryLeft, runTick } from "./run-tick.js";
import type { TickOutcome } from "./settle-tick.js";
import { jobAt, momentOf, type ServedJob, type ServedSpec } from "./spec-folder.js";

export interface JobWatch {
  readonly metrics: Metrics;
  /** Returns the observers of one run. */
  of(served: ServedSpec, tick?: WatchedTick): Promise<readonly Observer[]>;
  /** Notifies that a tick waits for its input or for its next attempt. Called once for each tick. */
  tellWaiting(served: ServedJob, at: Date, progress: TickProgress): Promise<void>;
  /** Notifies of deadlines that were missed since the last look, also of jobs that did not run. */
  look(jobs: readonly ServedJob[]): Promise<void>;
  close(): Promise<void>;
}

export interface WatchedTick {
  /** `null` at its first try. */
  readonly before: TickProgress | null;
  /** A failure of this kind is not the end of the tick. */
  readonly isTriedAgain: (error: ErrorRecord) => boolean;
}

/** Enough for an hourly job with a deadline of a day and a half. */
const mostIntervalsBack = 40;

/** @param specs those that are served now */
export async function watchJobs(
  context: ServiceContext,
  specs: () => readonly ServedSpec[],
): Promise<JobWatch> {
  const app = await context.app();
  // A job without intervals and schedule is never stale.
  const timed = () => specs().filter(({ rule, schedule }) => rule !== null || schedule !== null);
  const metrics = await openMetrics(context, { jobs: () => timed().map(({ name }) => name) });
  const notices = await openNotices(context);
  const traces = await openTraces();
  const ofAll = [metrics.observer, ...(traces === null ? [] : [traces])];
  const { clock, note } = context;
  const lookedAt = new Map<string, Date>();

  async function observersOf(served: ServedSpec, tick?: WatchedTick): Promise<readonly Observer[]> {
    const { name, notify } = served;
    if (notify === null) return ofAll;
    // Receivers of a `waiting` notice are notified when the interval is published.
    const isWaitedFor = tick !== undefined && tick.before !== null && notify.events.includes("waiting");
    const due = await dueNow(served);
    const observer = await notices.of({ name, notify, due, ...(isWaitedFor ? { before: "failed" } : {}) });
    return [...ofAll, tick === undefined ? observer : withoutTries(observer, tick)];
  }

  async function tellWaiting(served: ServedJob, at: Date, progress: TickProgress): Promise<void> {
    const { notify, rule } = served;
    if (notify === null) return;
    const interval = rule === null ? null : latestCompleteInterval(at, rule);
    const job = await jobAt(context, served, momentOf(served, interval)).catch(() => null);
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
    // The run will report what is wrong with the spec.
    const job = await jobAt(context, served, momentOf(served, interval)).catch(() => null);
    // A published interval is not late, also if it is scored again.
    if (job === null || (await isPublished(job, interval).catch(() => false))) return null;
    return dueOf(job, rule, notify, clock.now());
  }

  /** Also if its publisher died before readers could see it: the process that resumes the run shows it. */
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
          text: `${served.name}: could not check the deadline: ${asNightshiftError(error).message}`,
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
    const job = await jobAt(context, served, momentOf(served, interval));
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

/** Hides the failure of an attempt that is followed by another one. */
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

/** Returns the newest interval whose deadline passed in that time; earlier intervals are not notified again. */
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

/** One look at a tick by a service: its runs, with the observers of its job. */

export interface WatchedTickOptions {
  readonly watch: Pick<JobWatch, "tellWaiting">;
  readonly observersOf: (served: ServedSpec, tick: WatchedTick) => Promise<readonly Observer[]>;
  readonly signal: AbortSignal;
  /** Progress of the tick so far; `null` at its first try. */
  readonly before: TickProgress | null;
  readonly upstreams?: readonly Upstream[];
}

/** Runs a tick, and notifies once that it begins to wait. A failure that is tried again is not notified. */
export async function runWatchedTick(
  context: ServiceContext,
  app: App,
  served: ServedJob,
  at: Date,
  { watch, observersOf, signal, before, upstreams = [] }: WatchedTickOptions,
): Promise<TickOutcome> {
  const observers = await observersOf(served, {
    before,
    isTriedAgain: (error) => hasTryLeft(served, before, error),
  });
  const outcome = await runTick(context, app, served, at, { signal, observers }, { before, upstreams });
  if (before === null && typeof outcome === "object" && "progress" in outcome)
    await watch.tellWaiting(served, at, outcome.progress);
  return outcome;
}
