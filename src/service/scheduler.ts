/**
 * The scheduler: looks at the clock, decides which ticks are due, records each before anything runs, and runs what
 * fired. What it knows is in the book, so any number of schedulers may follow the same jobs, and one that was killed
 * leaves nothing that the next cannot see: a tick that fired and has no end is started again, by run keys that make the
 * second start find what the first one did.
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
  /** It waits for something, or for its next try; told again when that changes. */
  | {
      readonly type: "tick.waiting";
      readonly job: string;
      readonly at: string;
      readonly progress: TickProgress;
    }
  | { readonly type: "tick.ended"; readonly job: string; readonly at: string; readonly end: TickEnd }
  /** Another process has the run: its end is for it to tell. */
  | { readonly type: "tick.elsewhere"; readonly job: string; readonly at: string }
  /** The book could not be read or written; tried again at the next look. */
  | { readonly type: "schedule.failed"; readonly job: string; readonly error: unknown };

/** `progress`: nothing runs, and the tick stays open until it is looked at again. */
export type TickOutcome = Omit<TickEnd, "at"> | { readonly progress: TickProgress } | "elsewhere" | "stopped";

export interface SchedulerParts {
  readonly book: ScheduleStore;
  readonly clock: Clock;
  readonly self: Owner;
  /** As their specs are now. */
  readonly jobs: () => readonly ScheduledJob[];
  /**
   * Runs a tick to its end; may be asked again for a tick whose earlier start was killed. `elsewhere`: another process
   * has the run. `stopped`: the signal fired, and the run can be gone on with.
   *
   * @param before what an earlier call for the tick returned, perhaps in a process that is gone
   */
  readonly run: (
    job: ScheduledJob,
    at: Date,
    signal: AbortSignal,
    before: TickProgress | null,
  ) => Promise<TickOutcome>;
  /**
   * Stops what is worked on of the job and was asked for before that instant, in whatever process; called before a tick
   * of `overlap: cancel_running` is run. Resolves when it has stopped, or has had time enough.
   */
  readonly preempt: (job: ScheduledJob, at: Date, signal: AbortSignal) => Promise<void>;
  readonly maxParallel: number;
  readonly tell: (event: SchedulerEvent) => void;
}

export interface Scheduler {
  /** One look at the clock. @returns when the next tick is due, `null` when none is */
  look(): Promise<Date | null>;
  /** Number of ticks that run, or wait for a slot. */
  running(): number;
  /** Starts nothing any more. Resolves when what runs has ended. */
  drain(): Promise<void>;
  /** Stops what runs between chunks; its ticks stay open for the next scheduler. */
  stop(): void;
}

/** A tick that fired and has not ended, by this process or by one that is gone. */
interface OpenTick {
  readonly job: ScheduledJob;
  readonly at: string;
  readonly again: boolean;
  /** Of the run; `null` while it waits. */
  running: AbortController | null;
  /** A later tick took its place. */
  isSuperseded: boolean;
  /** Why it does not run yet; as recorded. */
  progress: TickProgress | null;
  /** It is not looked at before; epoch milliseconds. */
  notBeforeMs: number;
}

/** Between looks for ticks that dead processes left. */
const recoverEveryMs = 30_000;
/** Between signs of life. */
const attendEveryMs = 10_000;

export function createScheduler(parts: SchedulerParts): Scheduler {
  const { book, clock, tell } = parts;
  const held = new Map<string, OpenTick>();
  const settling = new Set<Promise<void>>();
  /** Of each job, the oldest tick that another scheduler runs, as of the last look. */
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

  /** What waits for the run before it (overlap: queue) waits for that of another scheduler, too. */
  async function lookElsewhere(): Promise<void> {
    const queued = [...held.values()].filter(
      ({ job, running }) => running === null && job.schedule.overlap === "queue",
    );
    for (const name of new Set(queued.map(({ job }) => job.name))) {
      // Where the book does not answer, what it said last holds.
      const open = await book.open(name).catch(() => null);
      if (open === null) continue;
      const first = open.find(({ at }) => !held.has(keyOf(name, at)));
      if (first === undefined) elsewhere.delete(name);
      else elsewhere.set(name, first.at);
    }
  }

  /** A later tick, of another scheduler, may have ended one of ours to take its place. */
  async function yieldToLater(): Promise<void> {
    for (const tick of held.values()) {
      const { job, at, running, isSuperseded } = tick;
      if (job.schedule.overlap !== "cancel_running" || running === null || isSuperseded) continue;
      if ((await book.endOf(job.name, at).catch(() => null)) !== null) yieldTo(tick);
    }
  }

  /** A book that does not answer says so when it is asked for something. */
  async function attend(): Promise<void> {
    if (clock.monotonicMs() < attendAtMs) return;
    attendAtMs = clock.monotonicMs() + attendEveryMs;
    await book.attend(parts.self).catch(() => undefined);
  }

  /** Takes up what dead processes left; their ticks come before any that is due now. */
  async function recover(job: ScheduledJob): Promise<void> {
    // One that ends while the book is read may still be open there.
    const ours = new Set(held.keys());
    for (const { at, by, isHeld, progress = null } of await book.open(job.name))
      if (!ours.has(keyOf(job.name, at)) && (isSelf(by) || !isHeld)) hold(job, at, true, progress);
    await book.prune(job.name);
  }

  /** A tick of this very process that is open and not held: its run was found elsewhere, or its end was not written. */
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

  /** The run that goes on, or waits, may be another scheduler's. */
  async function busyTickOf({ name }: ScheduledJob): Promise<string | null> {
    const own = [...held.values()].find((tick) => tick.job.name === name);
    return own?.at ?? (await book.open(name))[0]?.at ?? null;
  }

  /** What a dead process waited for is looked at anew; what it was to try again has its time. */
  function hold(job: ScheduledJob, at: string, again: boolean, progress: TickProgress | null = null): void {
    const notBeforeMs = progress?.status === "retrying" ? Date.parse(progress.nextAt) : 0;
    held.set(keyOf(job.name, at), {
      ...{ job, at, again, running: null, isSuperseded: false, progress, notBeforeMs },
    });
  }

  /**
   * Ticks that are being caught up with are all wanted; only those before them are preempted. What other schedulers run is
   * ended in the book, where they see it; what dead ones ran is taken up as ever.
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

  /** What sleeps runs nothing that would have to stop. */
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

  /** In the order of their instants, as far as there is room; of one job one at a time unless it allows more. */
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
    // Each look for input would be one more line.
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

  /** Noted once for all looks that find the same. */
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
