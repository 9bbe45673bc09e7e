/**
 * Executes the runs of one tick: the latest complete interval at its instant, then earlier intervals if the
 * job has a `lookback`. A tick whose input has not arrived waits, and one that failed with a retryable error
 * is retried, as its job configures.
 */

import {
  asNightshiftError,
  CancelledError,
  isRunCancelled,
  type NightshiftError,
  SpecError,
  toErrorRecord,
} from "../errors.js";
import type { Interval } from "../job/job.js";
import { noRows } from "../job/partition.js";
import type { TickEnd, TickProgress } from "../ledgers/schedule-store.js";
import type { Observer, RunEnd } from "../observers/observer.js";
import { tellAll } from "../running/run-end.js";
import type { RunOptions, RunOutcome, RunRequest } from "../running/run-request.js";
import { type Upstream, unpublishedCode, unpublishedUpstream } from "../running/upstream.js";
import { healsByWaiting, isInputMissing, lookForInput } from "../running/wait-for-input.js";
import { latestCompleteInterval } from "../time/interval.js";
import type { App, ServiceContext } from "./context.js";
import { decideInterval, decideParts } from "./decide-intervals.js";
import type { TickOutcome } from "./settle-tick.js";
import { jobAt, momentOf, type ServedJob } from "./spec-folder.js";

export interface TickSoFar {
  /** Progress of the tick so far; `null` at its first try. */
  readonly before?: TickProgress | null;
  /** Jobs that it waits for. */
  readonly upstreams?: readonly Upstream[];
}

export async function runTick(
  context: ServiceContext,
  app: App,
  served: ServedJob,
  at: Date,
  given: RunOptions,
  { before = null, upstreams = [] }: TickSoFar = {},
): Promise<TickOutcome> {
  let isTold = false;
  const noting: Observer = {
    on: () => undefined,
    ended() {
      isTold = true;
    },
  };
  const options = { ...given, observers: [...given.observers, noting] };
  try {
    const [interval, ...earlier] = intervalsOf(served, at);
    const held =
      interval === undefined ? null : await heldByUpstream(context, app, interval, { before, upstreams });
    if (held !== null) return held;
    const outcome = await runWhenReady(context, app, served, interval ?? null, { options, before });
    if ("progress" in outcome) return outcome;
    const end = endOf(outcome);
    if (end !== "stopped" && end.status === "failed" && outcome.error !== null)
      return triedAgain(served, context.clock.now(), before, outcome.error, end.runId) ?? end;
    if (end === "stopped" || end.status === "failed" || end.status === "cancelled") return end;
    for (const older of earlier) {
      const again = await runIfStale(context, app, served, older, options);
      if (again === "stopped") return again;
      if (again?.status === "failed" || again?.status === "cancelled") return again;
    }
    return end;
  } catch (thrown) {
    const error = asNightshiftError(thrown);
    if (error.code === "refused.owner-alive") return "elsewhere";
    if (error instanceof CancelledError) return "stopped";
    const { code, message } = error;
    if (isTold)
      context.note({
        ...{ level: "error", message: "tick failed", text: `${served.name}: ${message}` },
        fields: { job: served.name, tick: at.toISOString(), code, error: message },
      });
    else tellAll(given.observers, (observer) => observer.ended?.(neverAsked(context, served, error)));
    const end = { status: "failed", runId: null, error: error.code } as const;
    return triedAgain(served, context.clock.now(), before, error, null) ?? end;
  }
}

/** Whether a tick that failed with this error may be retried. */
export function hasTryLeft(
  { schedule, waitsForInput }: Pick<ServedJob, "schedule" | "waitsForInput">,
  before: TickProgress | null,
  error: Parameters<typeof healsByWaiting>[0],
): boolean {
  const { retries = null } = schedule;
  if (retries === null || (before?.attempts.length ?? 0) >= retries.max) return false;
  // The wait for input is over, which has its own limit.
  return healsByWaiting(error) && !(waitsForInput && isInputMissing(error));
}

function triedAgain(
  served: ServedJob,
  now: Date,
  before: TickProgress | null,
  error: NightshiftError,
  runId: string | null,
): { readonly progress: TickProgress } | null {
  const { retries = null } = served.schedule;
  if (retries === null || !hasTryLeft(served, before, error)) return null;
  const at = now.toISOString();
  return {
    progress: {
      ...{ status: "retrying", since: before?.since ?? at, until: null },
      nextAt: new Date(now.getTime() + retries.delayMs).toISOString(),
      reason: { code: error.code, message: error.message },
      attempts: [...(before?.attempts ?? []), { at, runId, error: error.code }],
    },
  };
}

/** Interval between two checks whether other jobs are published. */
const upstreamPollMs = 15_000;

/**
 * Waits for at most the length of its own interval. @throws SpecError `refused.upstream-unpublished` after
 * that
 */
async function heldByUpstream(
  context: ServiceContext,
  app: App,
  interval: Interval,
  { before = null, upstreams = [] }: TickSoFar,
): Promise<{ readonly progress: TickProgress } | null> {
  if (upstreams.length === 0) return null;
  const unpublished = await unpublishedUpstream(interval, upstreams, {
    ledger: await app.ledger(),
    sink: app.sink,
  });
  if (unpublished === null) return null;
  const now = context.clock.now();
  const since = before?.reason.code === unpublishedCode ? before.since : now.toISOString();
  const untilMs = Date.parse(since) + Date.parse(interval.end) - Date.parse(interval.start);
  if (now.getTime() >= untilMs) throw unpublished;
  return {
    progress: {
      ...{ status: "waiting", since, until: new Date(untilMs).toISOString() },
      nextAt: new Date(Math.min(untilMs, now.getTime() + upstreamPollMs)).toISOString(),
      reason: { code: unpublished.code, message: unpublished.message },
      attempts: before?.attempts ?? [],
    },
  };
}

interface TickRun {
  readonly options: RunOptions;
  readonly before: TickProgress | null;
}

/** Runs the tick's own interval once its input has arrived, or its waiting time is over. */
async function runWhenReady(
  context: ServiceContext,
  app: App,
  served: ServedJob,
  interval: Interval | null,
  { options, before }: TickRun,
): Promise<RunOutcome | { readonly progress: TickProgress }> {
  const job = await jobAt(context, served, momentOf(served, interval));
  const { waitFor } = job.input;
  const now = context.clock.now();
  const isSame = before?.status === "waiting" && before.reason.code !== unpublishedCode;
  const since = isSame ? before.since : now.toISOString();
  const untilMs = Date.parse(since) + (waitFor?.timeoutMs ?? 0);
  if (waitFor === undefined || now.getTime() >= untilMs)
    return runOne(context, app, served, interval, false, options);
  const runner = await app.runner();
  const look = await lookForInput(runner, job, options.signal);
  if (look.kind === "there") {
    const request = { ...askedBySchedule, specPath: served.path };
    return told(context, served, await runner.runPlan(look.planned, request, options));
  }
  return {
    progress: {
      ...{ status: "waiting", since, until: new Date(untilMs).toISOString() },
      nextAt: new Date(Math.min(untilMs, now.getTime() + waitFor.pollMs)).toISOString(),
      reason: { code: look.error.code, message: look.error.message },
      attempts: before?.attempts ?? [],
    },
  };
}

const askedBySchedule = {
  kind: "spec",
  trigger: "schedule",
  reprocess: false,
  restart: false,
  takeOver: false,
} as const;

/**
 * Returns the end of a tick that never reached a runner, for example because its spec could not be loaded.
 */
function neverAsked(context: ServiceContext, { name, path }: ServedJob, error: NightshiftError): RunEnd {
  return {
    ...{
      at: context.clock.now().toISOString(),
      job: name,
      interval: null,
      trigger: "schedule",
      target: path,
    },
    ...{ runId: null, status: "failed", rows: noRows, seconds: 0, error: toErrorRecord(error) },
  };
}

/** Returns the interval of a tick, then earlier ones, newest first; empty for a job without intervals. */
function intervalsOf({ name, rule, lookback }: ServedJob, at: Date): readonly Interval[] {
  if (rule === null) return [];
  const intervals: Interval[] = [];
  let interval = latestCompleteInterval(at, rule);
  if (interval === null)
    throw new SpecError(
      "usage.no-complete-interval",
      `no interval of ${name} is over at ${at.toISOString()}`,
    );
  while (interval !== null && intervals.length <= lookback) {
    intervals.push(interval);
    // When it began, the previous one was complete.
    interval = latestCompleteInterval(new Date(interval.start), rule);
  }
  return intervals;
}

async function runIfStale(
  context: ServiceContext,
  app: App,
  served: ServedJob,
  interval: Interval,
  options: RunOptions,
): Promise<Omit<TickEnd, "at"> | "stopped" | null> {
  const job = await jobAt(context, served, momentOf(served, interval));
  const decision = await decideInterval({ interval, job }, await decideParts(context, () => options.signal), {
    reprocess: "stale",
    baseline: null,
  });
  // An interval that was never published is left to a backfill.
  if (decision.action === "skip" || !decision.reprocess) return null;
  return endOf(await runOne(context, app, served, interval, true, options));
}

async function runOne(
  context: ServiceContext,
  app: App,
  served: ServedJob,
  interval: Interval | null,
  reprocess: boolean,
  options: RunOptions,
): Promise<RunOutcome> {
  const job = await jobAt(context, served, momentOf(served, interval));
  const request: RunRequest = { ...askedBySchedule, job, specPath: served.path, guess: false, reprocess };
  return told(context, served, await (await app.runner()).run(request, options));
}

function told(context: ServiceContext, served: ServedJob, outcome: RunOutcome): RunOutcome {
  const { warning, run } = outcome;
  if (warning !== null)
    context.note({
      ...{ level: "warn", message: "run warning", text: `${served.name}: ${warning}` },
      fields: { job: served.name, run: run?.id, warning },
    });
  return outcome;
}

function endOf({ status, run, error }: RunOutcome): Omit<TickEnd, "at"> | "stopped" {
  // A run that was interrupted with this process is resumed later; a cancelled run has ended.
  if (status === "cancelled" && !isRunCancelled(error)) return "stopped";
  return { status, runId: run?.id ?? null, error: error?.code ?? null };
}
