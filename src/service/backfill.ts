/**
 * Runs a job over many intervals: decides for each whether it has to run, and runs several at a time. A
 * failure does not end it. It stores no progress of its own: the sink and the ledger show what is done, so
 * the same backfill started again processes only the rest.
 */
import { asNightshiftError, CancelledError, type NightshiftError } from "../errors.js";
import type { Baseline } from "../ledgers/backfill-store.js";
import type { Observer } from "../observers/observer.js";
import { type BackfillStop, watchForStop } from "../running/backfill-stop.js";
import type { RunOutcome, RunRequest } from "../running/run-request.js";
import type { ServiceContext } from "./context.js";
import {
  backfillKeyOf,
  baselineOf,
  type DecideParts,
  type Decision,
  decideInterval,
  decideParts,
  type IntervalJob,
  type Reprocess,
} from "./decide-intervals.js";
import { type IntervalRange, type JobIntervals, jobOverIntervals } from "./job-intervals.js";
import { type MetricsPush, withObservers } from "./observe.js";
import { openSlots } from "./slots.js";
import { inputWait, type WaitOptions } from "./wait.js";

export interface BackfillRequest extends IntervalRange, MetricsPush {
  readonly reprocess: Reprocess;
  /** Intervals at a time; no more than there are cores. */
  readonly maxParallel: number;
  /** Starts no further interval after this number of failures. */
  readonly maxFailures?: number | undefined;
  readonly newestFirst: boolean;
  /** Decides without running anything. */
  readonly dryRun: boolean;
  readonly restart: boolean;
  readonly takeOver: boolean;
  readonly waitForMs?: number | undefined;
}

/** How a backfill reports to its caller, and how the caller stops it. */
export interface BackfillPorts {
  readonly onResume: (startedAt: string) => void;
  readonly onDecisions: (over: JobIntervals, decisions: readonly Decision[]) => void;
  /** Called before anything runs. Throws if the caller does not agree. */
  readonly confirm: (due: number) => Promise<void>;
  /** Called if there are fewer slots than intervals that may run at a time. */
  readonly onFewerSlots: (slots: number) => void;
  readonly onWait: WaitOptions["onWait"];
  /** Returns the observers of one interval's run; they are closed after it. */
  readonly observersOf: (decision: Decision, slots: number) => readonly Observer[];
  readonly onEnd: (end: IntervalEnd) => void;
  /** Fires to stop between chunks. Called when the first run is about to start. */
  readonly signal: () => AbortSignal;
}

export interface IntervalEnd {
  readonly decision: Decision;
  readonly outcome: RunOutcome | null;
  /** Why the run failed, or why it could not be created. */
  readonly error: NightshiftError | null;
}

export interface BackfillResult {
  readonly over: JobIntervals;
  readonly decisions: readonly Decision[];
  /**
   * One for each interval that was started, in the order of their ends; `null` if nothing was due, or if it
   * only decided.
   */
  readonly ends: readonly IntervalEnd[] | null;
  /** Intervals that had to run. */
  readonly due: number;
  readonly seconds: number;
  /** The job was cancelled meanwhile. */
  readonly isCancelled: boolean;
}

/** @throws InvalidSpecError with every mistake at once; SpecError `spec.not-found`, `usage.*` */
export async function backfill(
  context: ServiceContext,
  given: string,
  request: BackfillRequest,
  ports: BackfillPorts,
): Promise<BackfillResult> {
  const over = await jobOverIntervals(context, given, request);
  const stop = await watchForStop(over.name, await (await context.app()).ledger(), context.pause);
  try {
    return await backfillOver(context, over, request, ports, stop);
  } finally {
    stop.close();
  }
}

async function backfillOver(
  context: ServiceContext,
  over: JobIntervals,
  request: BackfillRequest,
  ports: BackfillPorts,
  stop: BackfillStop,
): Promise<BackfillResult> {
  const parts = await decideParts(context, ports.signal);
  const decisions = await decideAll(context, over, parts, request, ports);
  ports.onDecisions(over, decisions);
  const due = decisions.filter(({ action }) => action === "run");
  const nothing = { over, decisions, ends: null, due: due.length, seconds: 0, isCancelled: false };
  if (request.dryRun) return nothing;
  if (due.length === 0) {
    await forget(context, over, request);
    return nothing;
  }
  await ports.confirm(due.length);

  const startedMs = context.clock.monotonicMs();
  const ends = await withObservers(context, request, over, (observers) =>
    runDue(context, over, due, request, ports, { stop, observers }),
  );
  const isCancelled = stop.signal.aborted;
  const seconds = (context.clock.monotonicMs() - startedMs) / 1000;
  if (ends.length === due.length && ends.every(({ error }) => error === null))
    await forget(context, over, request);
  return { over, decisions, ends, due: due.length, seconds, isCancelled };
}

async function decideAll(
  context: ServiceContext,
  { intervals }: JobIntervals,
  parts: DecideParts,
  { reprocess, dryRun }: BackfillRequest,
  { onResume }: BackfillPorts,
): Promise<readonly Decision[]> {
  const baseline =
    reprocess === "all" ? await baselineFor(context, intervals, parts, dryRun, onResume) : null;
  const decisions: Decision[] = [];
  for (const interval of intervals)
    decisions.push(await decideInterval(interval, parts, { reprocess, baseline }));
  return decisions;
}

/** The publications that a backfill of all intervals supersedes. It is recorded, so the same backfill resumes. */
async function baselineFor(
  context: ServiceContext,
  intervals: readonly IntervalJob[],
  parts: DecideParts,
  dryRun: boolean,
  onResume: BackfillPorts["onResume"],
): Promise<Baseline> {
  const book = await (await context.app()).backfillStore();
  const key = backfillKeyOf(intervals);
  const begun = await book.read(key);
  if (begun !== null) {
    onResume(begun.startedAt);
    return begun;
  }
  const baseline = {
    startedAt: context.clock.now().toISOString(),
    generations: await baselineOf(intervals, parts),
  };
  return dryRun ? baseline : book.begin(key, baseline);
}

async function forget(
  context: ServiceContext,
  { intervals }: JobIntervals,
  { reprocess }: BackfillRequest,
): Promise<void> {
  if (reprocess === "all")
    await (await (await context.app()).backfillStore()).finish(backfillKeyOf(intervals));
}

async function runDue(
  context: ServiceContext,
  { specPath, upstreams }: JobIntervals,
  due: readonly Decision[],
  request: BackfillRequest,
  ports: BackfillPorts,
  { stop, observers }: { readonly stop: BackfillStop; readonly observers: readonly Observer[] },
): Promise<readonly IntervalEnd[]> {
  const { maxParallel, maxFailures, newestFirst, restart, takeOver, waitForMs } = request;
  const count = Math.min(maxParallel, context.settings.cores, due.length);
  if (count < Math.min(maxParallel, due.length)) ports.onFewerSlots(count);
  const wait = inputWait(context, { waitForMs, upstreams, onWait: ports.onWait });
  const slots = await openSlots(context, count);
  try {
    const lines: SlotRun[] = [];
    for (const app of slots.apps) {
      const runner = await app.runner();
      lines.push(async (decision, signal) => {
        const { job, reprocess } = decision;
        const asked: RunRequest = {
          job,
          kind: "spec",
          specPath,
          trigger: "backfill",
          guess: false,
          reprocess,
          restart,
          takeOver,
        };
        const own = ports.observersOf(decision, count);
        try {
          return await wait.run(runner, asked, {
            signal,
            observers: [...own, ...observers],
            lane: "backfill",
          });
        } finally {
          for (const observer of own) await observer.close?.();
        }
      });
    }
    return await runIntervals(newestFirst ? due.toReversed() : due, lines, {
      maxFailures: maxFailures ?? Number.POSITIVE_INFINITY,
      signal: AbortSignal.any([ports.signal(), stop.signal]),
      beforeStart: stop.look,
      onEnd: ports.onEnd,
    });
  } finally {
    await slots.close();
  }
}

/** Runs one interval in a slot. */
type SlotRun = (decision: Decision, signal: AbortSignal) => Promise<RunOutcome>;

interface RunIntervalsOptions {
  readonly maxFailures: number;
  readonly signal: AbortSignal;
  /** Awaited before each start; may fire the signal. */
  readonly beforeStart: () => Promise<void>;
  readonly onEnd: (end: IntervalEnd) => void;
}

/** @param due in the order to start them. @returns one end for each that was started, in the order of their ends */
async function runIntervals(
  due: readonly Decision[],
  slots: readonly SlotRun[],
  { maxFailures, signal, beforeStart, onEnd }: RunIntervalsOptions,
): Promise<readonly IntervalEnd[]> {
  const ends: IntervalEnd[] = [];
  const waiting = due.values();
  let failures = 0;

  async function work(slot: SlotRun): Promise<void> {
    // All slots share one iterator: each takes the next interval that is not taken.
    for (const decision of waiting) {
      if (!signal.aborted) await beforeStart();
      if (signal.aborted || failures >= maxFailures) return;
      const end = await runOne(decision, slot, signal);
      if (end.error !== null && !(end.error instanceof CancelledError)) failures += 1;
      ends.push(end);
      onEnd(end);
    }
  }

  await Promise.all(slots.map(work));
  return ends;
}

async function runOne(decision: Decision, slot: SlotRun, signal: AbortSignal): Promise<IntervalEnd> {
  try {
    const outcome = await slot(decision, signal);
    return { decision, outcome, error: outcome.error };
  } catch (thrown) {
    return { decision, outcome: null, error: asNightshiftError(thrown) };
  }
}
