/**
 * The scheduler: checks the clock, decides which ticks are due, records each before anything runs, and runs
 * those that fired. All of its state is in the schedule store, so any number of schedulers may follow the
 * same jobs, and the next scheduler sees everything that a killed one left: a fired tick without an end is
 * started again, and run keys make the second start find what the first one did.
 */

import { asNightshiftError, runCancelled } from "../errors.js";
import type { Owner } from "../job/run.js";
import type { ScheduleStore, TickEnd, TickProgress } from "../ledgers/schedule-store.js";
import type { Clock } from "../time/clock.js";
import { nextInstant } from "../time/cron.js";
import { decideTicks, type Schedule, type Tick } from "../time/schedule.js";

export interface ScheduledJob {
  readonly name: string;
  readonly schedule: Schedule;
}

export type SchedulerEvent =
  | { readonly type: "tick.decided"; readonly job: string; readonly tick: Tick }
  | { readonly type: "tick.started"; readonly job: string; readonly at: string; readonly again: boolean }
  /** The tick waits for a condition or for its next try. Emitted again when that changes. */
  | {
      readonly type: "tick.waiting";
      readonly job: string;
      readonly at: string;
      readonly progress: TickProgress;
    }
  | { readonly type: "tick.ended"; readonly job: string; readonly at: string; readonly end: TickEnd }
  /** Another process executes the run and reports its end. */
  | { readonly type: "tick.elsewhere"; readonly job: string; readonly at: string }
  /** The schedule store could not be read or written; retried at the next check. */
  | { readonly type: "schedule.failed"; readonly job: string; readonly error: unknown };

/** `progress`: nothing runs, and the tick stays open until the next check. */
export type TickOutcome = Omit<TickEnd, "at"> | { readonly progress: TickProgress } | "elsewhere" | "stopped";

export interface SchedulerParts {
  readonly book: ScheduleStore;
  readonly clock: Clock;
  readonly self: Owner;
  /** Returns the jobs according to their present specs. */
  readonly jobs: () => readonly ScheduledJob[];
  /**
   * Runs a tick to its end. May be called again for a tick whose earlier start was killed. `elsewhere`:
   * another process executes the run. `stopped`: the signal fired, and the run can be resumed.
   *
   * @param before the result of an earlier call for the tick, maybe in a process that is gone
   */
  readonly run: (
    job: ScheduledJob,
    at: Date,
    signal: AbortSignal,
    before: TickProgress | null,
  ) => Promise<TickOutcome>;
  /**
   * Stops runs of the job that were requested before that instant, in any process; called before a tick of
   * `overlap: cancel_running` is run. Resolves when they have stopped, or after a time limit.
   */
  readonly preempt: (job: ScheduledJob, at: Date, signal: AbortSignal) => Promise<void>;
  readonly maxParallel: number;
  readonly tell: (event: SchedulerEvent) => void;
}

export interface Scheduler {
  /** Checks the clock once. @returns when the next tick is due, `null` if none is */
  look(): Promise<Date | null>;
  /** Number of ticks that run, or wait for a slot. */
  running(): number;
  /** Starts nothing more. Resolves when all running ticks have ended. */
  drain(): Promise<void>;
  /** Stops running ticks between chunks; they stay open for the next scheduler. */
  stop(): void;
}

/** A tick that fired and has not ended, of this process or of one that is gone. */
interface OpenTick {
  readonly job: ScheduledJob;
  readonly at: string;
  readonly again: boolean;
  /** Abort controller of the run; `null` while the tick waits. */
  running: AbortController | null;
  /** A later tick has replaced it. */
  isSuperseded: boolean;
  /** Why it does not run yet, as recorded. */
  progress: TickProgress | null;
  /** It is not checked before this time; epoch milliseconds. */
  notBeforeMs: number;
}

/** Interval between checks for ticks that dead processes left. */
const recoverEveryMs = 30_000;
/** Interval between reports that this scheduler is alive. */
const attendEveryMs = 10_000;

export function createScheduler(parts: SchedulerParts): Scheduler {
  const { book, clock, tell } = parts;
  const held = new Map<string, OpenTick>();
  const settling = new Set<Promise<void>>();
  /** By job: the oldest tick that another scheduler runs, as of the last check. */
  const elsewhere = new Map<string, string>();
  let isDraining = false;
  let recoverAtMs = Number.NEGATIVE_INFINITY;
  let attendAtMs = Number.NEGATIVE_INFINITY;

  async function look(): Promise<Date | null> {
    await attend();
    const recovers = clock.monotonicMs() >= recoverAtMs;
    if (recovers) recoverAtMs = clock.monotonicMs() + recoverEveryMs;
    let next: Date | null = null;
    for (const job of parts.jobs()) {
      if (isDraining) return null;
      try {
        if (recovers) await recover(job);
        const due = await followJob(job);
        if (due !== null && (next === null || due < next)) next = due;
      } catch (error) {
        tell({ type: "schedule.failed", job: job.name, error });
      }
    }
    await lookElsewhere();
    await yieldToLater();
    startWaiting();
    for (const { running, notBeforeMs } of held.values())
      if (
        running === null &&
        notBeforeMs > clock.now().getTime() &&
        !(next !== null && notBeforeMs >= next.getTime())
      )
        next = new Date(notBeforeMs);
    return next;
  }

  function isAsleep({ running, notBeforeMs }: OpenTick): boolean {
    return running === null && notBeforeMs > clock.now().getTime();
  }

  /** A tick that waits for the previous run (overlap: queue) also waits for a run of another scheduler. */
  async function lookElsewhere(): Promise<void> {
    const queued = [...held.values()].filter(
      ({ job, running }) => running === null && job.schedule.overlap === "queue",
    );
    for (const name of new Set(queued.map(({ job }) => job.name))) {
      // If the store does not answer, its last answer stays in effect.
      const open = await book.open(name).catch(() => null);
      if (open === null) continue;
      const first = open.find(({ at }) => !held.has(keyOf(name, at)));
      if (first === undefined) elsewhere.delete(name);
      else elsewhere.set(name, first.at);
    }
  }

  /** A later tick of another scheduler may have ended one of this scheduler's ticks to replace it. */
  async function yieldToLater(): Promise<void> {
    for (const tick of held.values()) {
      const { job, at, running, isSuperseded } = tick;
      if (job.schedule.overlap !== "cancel_running" || running === null || isSuperseded) continue;
      if ((await book.endOf(job.name, at).catch(() => null)) !== null) yieldTo(tick);
    }
  }

  /** A store that does not answer fails at the next request, which reports it. */
  async function attend(): Promise<void> {
    if (clock.monotonicMs() < attendAtMs) return;
    attendAtMs = clock.monotonicMs() + attendEveryMs;
    await book.attend(parts.self).catch(() => undefined);
  }

  /** Takes over ticks that dead processes left; they come before ticks that are due now. */
  async function recover(job: ScheduledJob): Promise<void> {
    // A tick that ends while the store is being read may still be open in the result.
    const ours = new Set(held.keys());
    for (const { at, by, isHeld, progress = null } of await book.open(job.name))
      if (!ours.has(keyOf(job.name, at)) && (isSelf(by) || !isHeld)) hold(job, at, true, progress);
    await book.prune(job.name);
  }

  /**
   * Whether a tick was recorded by this process. If it is open and not held, its run was found elsewhere, or
   * its end was not written.
   */
  function isSelf(by: Owner): boolean {
    return (
      by.pid === parts.self.pid && by.processStart === parts.self.processStart && by.host === parts.self.host
    );
  }

  async function followJob(job: ScheduledJob): Promise<Date | null> {
    const { schedule } = job;
    const now = clock.now();
    const { cursor, paused } = await book.follow(
      job.name,
      `${schedule.expression} ${schedule.timezone}`,
      now,
    );
    const due = nextInstant(schedule.cron, schedule.timezone, cursor);
    if (due === null || due > now) return due;
    const busyWith = await busyTickOf(job);
    for (const tick of decideTicks(schedule, { now, cursor, paused, busyWith })) {
      if (isDraining) return null;
      if ((await book.record(job.name, tick, parts.self)) === "exists") continue;
      tell({ type: "tick.decided", job: job.name, tick });
      if (tick.verdict !== "fired") continue;
      if (schedule.overlap === "cancel_running") await supersede(job, tick.at, cursor);
      hold(job, tick.at, false);
    }
    return nextInstant(schedule.cron, schedule.timezone, new Date(Math.max(now.getTime(), cursor.getTime())));
  }

  /** The active or waiting run may belong to another scheduler. */
  async function busyTickOf({ name }: ScheduledJob): Promise<string | null> {
    const own = [...held.values()].find((tick) => tick.job.name === name);
    return own?.at ?? (await book.open(name))[0]?.at ?? null;
  }

  /**
   * A tick that waited in a dead process is checked immediately; a tick that was to be retried keeps its
   * time.
   */
  function hold(job: ScheduledJob, at: string, again: boolean, progress: TickProgress | null = null): void {
    const notBeforeMs = progress?.status === "retrying" ? Date.parse(progress.nextAt) : 0;
    held.set(keyOf(job.name, at), {
      ...{ job, at, again, running: null, isSuperseded: false, progress, notBeforeMs },
    });
  }

  /**
   * All ticks that are being caught up are wanted; only ticks before them are preempted. Ticks that other
   * schedulers run are ended in the store, where those see it; ticks of dead schedulers are taken over as
   * usual.
   *
   * @param cursor up to where ticks were decided before
   */
  async function supersede({ name }: ScheduledJob, at: string, cursor: Date): Promise<void> {
    for (const tick of held.values()) {
      if (tick.job.name !== name || tick.at >= at) continue;
      if (tick.running !== null) yieldTo(tick);
      else if (tick.progress !== null) await giveUp(tick);
    }
    for (const { at: earlier, by, isHeld } of await book.open(name)) {
      if (held.has(keyOf(name, earlier)) || new Date(earlier) > cursor || !(isHeld || isSelf(by))) continue;
      const now = clock.now().toISOString();
      await book.end(name, earlier, { status: "cancelled", runId: null, error: null, at: now });
    }
  }

  /** A sleeping tick has no run to stop. */
  async function giveUp({ job: { name }, at }: OpenTick): Promise<void> {
    const end: TickEnd = { status: "cancelled", runId: null, error: null, at: clock.now().toISOString() };
    await book.end(name, at, end);
    held.delete(keyOf(name, at));
    tell({ type: "tick.ended", job: name, at, end });
  }

  function yieldTo(tick: OpenTick): void {
    tick.isSuperseded = true;
    tick.running?.abort(runCancelled());
  }

  /**
   * Starts ticks in the order of their instants while slots are free; one at a time for each job unless it
   * allows more.
   */
  function startWaiting(): void {
    const waiting = [...held.values()]
      .filter(({ running }) => running === null)
      .sort((a, b) => (a.at < b.at ? -1 : 1));
    for (const tick of waiting) {
      const running = [...held.values()].filter((other) => other.running !== null);
      if (isDraining || running.length >= parts.maxParallel) return;
      const { name, schedule } = tick.job;
      if (isAsleep(tick)) continue;
      const isAlone = !running.some((other) => other.job.name === name);
      const isFirst =
        schedule.overlap !== "queue" ||
        (tick.at < (elsewhere.get(name) ?? `${tick.at}~`) &&
          !waiting.some((other) => other.job.name === name && other.at < tick.at && isAsleep(other)));
      if ((isAlone && isFirst) || schedule.overlap === "allow") start(tick);
    }
  }

  function start(tick: OpenTick): void {
    const controller = new AbortController();
    tick.running = controller;
    // Each check for input would write another line.
    if (tick.progress?.status !== "waiting")
      tell({ type: "tick.started", job: tick.job.name, at: tick.at, again: tick.again });
    const settled = runToItsEnd(tick, controller.signal)
      .catch((error: unknown) => {
        tell({ type: "schedule.failed", job: tick.job.name, error });
        return "over" as const;
      })
      .then((is) => {
        if (is === "over") held.delete(keyOf(tick.job.name, tick.at));
        settling.delete(settled);
        startWaiting();
      });
    settling.add(settled);
  }

  /** A failed preemption does not block the tick. */
  async function preempt({ job, at }: OpenTick, signal: AbortSignal): Promise<void> {
    await parts
      .preempt(job, new Date(at), signal)
      .catch((error: unknown) => tell({ type: "schedule.failed", job: job.name, error }));
  }

  function runOnce({ job, at, progress }: OpenTick, signal: AbortSignal): Promise<TickOutcome> {
    return parts.run(job, new Date(at), signal, progress).catch((error: unknown) => ({
      status: "failed",
      runId: null,
      error: asNightshiftError(error).code,
    }));
  }

  async function runToItsEnd(tick: OpenTick, signal: AbortSignal): Promise<"over" | "asleep"> {
    const { job, at } = tick;
    // It may have been cancelled while it waited.
    const before = await book.endOf(job.name, at);
    if (before !== null) {
      tell({ type: "tick.ended", job: job.name, at, end: before });
      return "over";
    }
    if (job.schedule.overlap === "cancel_running") await preempt(tick, signal);
    const outcome = signal.aborted ? "stopped" : await runOnce(tick, signal);
    if (outcome === "elsewhere") {
      tell({ type: "tick.elsewhere", job: job.name, at });
      return "over";
    }
    if (outcome === "stopped" && !tick.isSuperseded) return "over";
    if (outcome !== "stopped" && "progress" in outcome && !tick.isSuperseded) {
      await sleep(tick, outcome.progress);
      return "asleep";
    }
    const ended =
      outcome === "stopped" || "progress" in outcome
        ? ({ status: "cancelled", runId: null, error: null } as const)
        : outcome;
    const end: TickEnd = { ...ended, at: clock.now().toISOString() };
    await book.end(job.name, at, end);
    tell({ type: "tick.ended", job: job.name, at, end });
    return "over";
  }

  /** Records the progress once for all checks with the same result. */
  async function sleep(tick: OpenTick, progress: TickProgress): Promise<void> {
    const { job, at } = tick;
    const isNews = tick.progress === null || factsOf(tick.progress) !== factsOf(progress);
    tick.progress = progress;
    tick.notBeforeMs = Date.parse(progress.nextAt);
    if (isNews) {
      await book.note(job.name, at, progress);
      tell({ type: "tick.waiting", job: job.name, at, progress });
    }
    tick.running = null;
  }

  return {
    look,
    running: () => [...held.values()].filter((tick) => !isAsleep(tick)).length,
    async drain() {
      isDraining = true;
      await Promise.all(settling);
    },
    stop() {
      isDraining = true;
      for (const { running } of held.values()) running?.abort();
    },
  };
}

function factsOf({ status, since, until, reason, attempts }: TickProgress): string {
  return JSON.stringify([status, since, until, reason.code, attempts.length]);
}

function keyOf(job: string, at: string): string {
  return `${job} ${at}`;
}
