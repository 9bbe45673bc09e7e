/**
 * Schedules: which ticks of a job are due, and what happens to each. Pure functions: the caller passes the
 * clock and stores the decisions.
 */
import { type Cron, instantsBetween } from "./cron.js";

export interface Schedule {
  /** The expression as the user wrote it. */
  readonly expression: string;
  readonly cron: Cron;
  /** IANA time zone name. */
  readonly timezone: string;
  /**
   * What happens to ticks that were due while the scheduler was down: none runs, only the latest, or all of
   * them.
   */
  readonly catchup: "none" | "latest" | "all";
  /**
   * What happens to a tick while a run of the job is active: skip it, start it afterwards, replace the active
   * run, or run beside it.
   */
  readonly overlap: "skip" | "queue" | "cancel_running" | "allow";
  /** A tick that is later than this does not start a run; `null`: no limit. */
  readonly startDeadlineMs: number | null;
  /** Retries of a tick whose run failed with a retryable error. */
  readonly retries?: { readonly max: number; readonly delayMs: number } | null;
  /** Values of the job's variables in scheduled runs. */
  readonly vars?: { readonly [name: string]: string | number | boolean };
}

/**
 * During a rolling replacement of services, some still submit the schedule of an older spec for this long.
 */
export const takesOverMs = 3_600_000;

/** Decision about one instant of a schedule. */
export interface Tick {
  /** ISO 8601. */
  readonly at: string;
  readonly verdict: "fired" | "skipped" | "missed";
  /** Why the tick did not start a run; `null` if it did. */
  readonly reason: string | null;
  /** Number of ticks that this record stands for. Above 1, it summarises older ticks. */
  readonly ticks: number;
}

export interface Moment {
  readonly now: Date;
  /**
   * The last decided tick, or the time from which the schedule is followed. Ticks up to here are never
   * decided again.
   */
  readonly cursor: Date;
  readonly paused: boolean;
  /** The tick whose run is active or waiting, if any. */
  readonly busyWith: string | null;
}

/** A tick older than this was due while the scheduler was down. */
const lateMs = 60_000;
/** Maximum number of ticks that catch up at once; older ones are missed. */
const mostCaughtUp = 100;
/** Maximum number of ticks that are reported one by one; earlier ones are summarised as one. */
const mostTold = 1000;

/** Decides every tick in (cursor, now], oldest first. Returns none while the clock is at or before the cursor. */
export function decideTicks(schedule: Schedule, moment: Moment): readonly Tick[] {
  const { cron, timezone } = schedule;
  const due: number[] = [];
  let untold = 0;
  for (const instant of instantsBetween(cron, timezone, moment.cursor, moment.now)) {
    due.push(instant.getTime());
    if (due.length > 2 * mostTold) untold += due.splice(0, mostTold).length;
  }
  const older = Math.max(0, due.length - mostTold);
  const [beforeOldest] = older + untold === 0 ? [] : due.splice(0, older).slice(-1);
  const told = due.map((at, index) => decideTick(schedule, moment, at, due.length - 1 - index));
  if (beforeOldest === undefined) return told;
  const summary: Tick = {
    at: new Date(beforeOldest).toISOString(),
    verdict: "missed",
    reason: `it and ${older + untold - 1} ticks before it were due while the scheduler was down`,
    ticks: older + untold,
  };
  return [summary, ...told];
}

/** @param newer number of later ticks that are also due */
function decideTick(schedule: Schedule, moment: Moment, atMs: number, newer: number): Tick {
  const lateByMs = moment.now.getTime() - atMs;
  const decided = (verdict: Tick["verdict"], reason: string | null): Tick => ({
    ...{ at: new Date(atMs).toISOString(), verdict, reason, ticks: 1 },
  });
  if (moment.paused) return decided("skipped", "the job is paused");
  if (schedule.startDeadlineMs !== null && lateByMs > schedule.startDeadlineMs)
    return decided("missed", "its start_deadline had passed");
  if (schedule.catchup === "none" && lateByMs > lateMs)
    return decided("missed", "it was due while the scheduler was down (catchup: none)");
  if (schedule.catchup !== "all" && newer > 0)
    return decided("skipped", `a later tick was due as well (catchup: ${schedule.catchup})`);
  if (newer >= mostCaughtUp) return decided("missed", `more than ${mostCaughtUp} ticks were due`);
  if (schedule.overlap === "skip" && moment.busyWith !== null)
    return decided("skipped", `the run of ${moment.busyWith} was still active (overlap: skip)`);
  return decided("fired", null);
}
