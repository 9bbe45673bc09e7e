/**
 * The scheduler: checks the clock, decides which ticks are due, records each before anything runs, and runs
 * those that fired. All of its state is in the schedule store, so any number of schedulers may follow the
 * same jobs, and the next scheduler sees everything that a killed one left: a fired tick without an end is
 * started again, and run keys make the second start find what the first one did.
 */

import { runCancelled } from "../errors.js";
import type { Owner } from "../job/run.js";
import type { TickEnd } from "../ledgers/schedule-store.js";
import { nextInstant } from "../time/cron.js";
import { decideTicks } from "../time/schedule.js";
import { type OpenTick, OpenTicks, type ScheduledJob } from "./open-ticks.js";
import { settleTick, type TickParts } from "./settle-tick.js";

export interface SchedulerParts extends TickParts {
  readonly self: Owner;
  /** Returns the jobs according to their present specs. */
  readonly jobs: () => readonly ScheduledJob[];
  readonly maxParallel: number;
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

/** Interval between checks for ticks that dead processes left. */
const recoverEveryMs = 30_000;
/** Interval between reports that this scheduler is alive. */
const attendEveryMs = 10_000;

export function createScheduler(parts: SchedulerParts): Scheduler {
  const { book, clock, tell } = parts;
  const held = new OpenTicks(clock);
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
    const wakesAt = held.wakesAt();
    return next === null || (wakesAt !== null && wakesAt < next) ? wakesAt : next;
  }

  /** A tick that waits for the previous run (overlap: queue) also waits for a run of another scheduler. */
  async function lookElsewhere(): Promise<void> {
    const queued = held
      .all()
      .filter(({ job, running }) => running === null && job.schedule.overlap === "queue");
    for (const name of new Set(queued.map(({ job }) => job.name))) {
      // If the store does not answer, its last answer stays in effect.
      const open = await book.open(name).catch(() => null);
      if (open === null) continue;
      const first = open.find(({ at }) => !held.has(name, at));
      if (first === undefined) elsewhere.delete(name);
      else elsewhere.set(name, first.at);
    }
  }

  /** A later tick of another scheduler may have ended one of this scheduler's ticks to replace it. */
  async function yieldToLater(): Promise<void> {
    for (const tick of held.all()) {
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
    const ours = new Set(held.all().flatMap((tick) => (tick.job.name === job.name ? [tick.at] : [])));
    for (const { at, by, isHeld, progress = null } of await book.open(job.name))
      if (!ours.has(at) && (isSelf(by) || !isHeld)) held.hold(job, at, true, progress);
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
      held.hold(job, tick.at, false);
    }
    return nextInstant(schedule.cron, schedule.timezone, new Date(Math.max(now.getTime(), cursor.getTime())));
  }

  /** The active or waiting run may belong to another scheduler. */
  async function busyTickOf({ name }: ScheduledJob): Promise<string | null> {
    const own = held.all().find((tick) => tick.job.name === name);
    return own?.at ?? (await book.open(name))[0]?.at ?? null;
  }

  /**
   * All ticks that are being caught up are wanted; only ticks before them are preempted. Ticks that other
   * schedulers run are ended in the store, where those see it; ticks of dead schedulers are taken over as
   * usual.
   *
   * @param cursor up to where ticks were decided before
   */
  async function supersede({ name }: ScheduledJob, at: string, cursor: Date): Promise<void> {
    for (const tick of held.all()) {
      if (tick.job.name !== name || tick.at >= at) continue;
      if (tick.running !== null) yieldTo(tick);
      else if (tick.progress !== null) await giveUp(tick);
    }
    for (const { at: earlier, by, isHeld } of await book.open(name)) {
      if (held.has(name, earlier) || new Date(earlier) > cursor || !(isHeld || isSelf(by))) continue;
      const now = clock.now().toISOString();
      await book.end(name, earlier, { status: "cancelled", runId: null, error: null, at: now });
    }
  }

  /** A sleeping tick has no run to stop. */
  async function giveUp(tick: OpenTick): Promise<void> {
    const { job, at } = tick;
    const end: TickEnd = { status: "cancelled", runId: null, error: null, at: clock.now().toISOString() };
    await book.end(job.name, at, end);
    held.letGo(tick);
    tell({ type: "tick.ended", job: job.name, at, end });
  }

  function yieldTo(tick: OpenTick): void {
    tick.isSuperseded = true;
    tick.running?.abort(runCancelled());
  }

  /** Starts ticks in the order of their instants while slots are free. */
  function startWaiting(): void {
    for (;;) {
      const tick = isDraining ? null : held.nextToStart(parts.maxParallel, elsewhere);
      if (tick === null) return;
      start(tick);
    }
  }

  function start(tick: OpenTick): void {
    const controller = new AbortController();
    tick.running = controller;
    // Each check for input would write another line.
    if (tick.progress?.status !== "waiting")
      tell({ type: "tick.started", job: tick.job.name, at: tick.at, again: tick.again });
    const settled = settleTick(tick, controller.signal, parts)
      .catch((error: unknown) => {
        tell({ type: "schedule.failed", job: tick.job.name, error });
        return "over" as const;
      })
      .then((is) => {
        if (is === "over") held.letGo(tick);
        settling.delete(settled);
        startWaiting();
      });
    settling.add(settled);
  }

  return {
    look,
    running: () => held.all().filter((tick) => !held.isAsleep(tick)).length,
    async drain() {
      isDraining = true;
      await Promise.all(settling);
    },
    stop() {
      isDraining = true;
      for (const { running } of held.all()) running?.abort();
    },
  };
}
