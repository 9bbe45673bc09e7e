/**
 * Schedules: which ticks of a job are due, and what becomes of each. Pure: the clock is handed in, and what was decided
 * is remembered by somebody else (schedule-book.ts).
 */
import { type Cron, instantsBetween } from "./cron.js";

export interface Schedule {
  /** As written. */
  readonly expression: string;
  readonly cron: Cron;
  /** IANA name. */
  readonly timezone: string;
  /** Of ticks that came due while nobody was there: none fires, the latest, or all of them. */
  readonly catchup: "none" | "latest" | "all";
  /** A tick while a run of the job is still going: left out, started after it, in place of it, or beside it. */
  readonly overlap: "skip" | "queue" | "cancel_running" | "allow";
  /** A tick that is later than this does not fire any more; `null`: no tick is too late. */
  readonly startDeadlineMs: number | null;
  /** More tries of a tick whose run failed for a reason that may pass. */
  readonly retries?: { readonly max: number; readonly delayMs: number } | null;
  /** Values of the job's variables in its runs. */
  readonly vars?: { readonly [name: string]: string | number | boolean };
}

/** Services are replaced one by one: some ask for the schedule of an older spec for a while. */
export const takesOverMs = 3_600_000;

/** What became of one instant of a schedule. */
export interface Tick {
  /** ISO 8601. */
  readonly at: string;
  readonly verdict: "fired" | "skipped" | "missed";
  /** Why it did not fire; `null` when it did. */
  readonly reason: string | null;
  /** More than 1 where this stands for older ticks, too, that nobody wants to read one by one. */
  readonly ticks: number;
}

export interface Moment {
  readonly now: Date;
  /** The last tick that is decided, or since when the schedule is followed. Ticks up to here are never looked at again. */
  readonly mark: Date;
  readonly paused: boolean;
  /** The tick whose run is still going, or waiting, if any. */
  readonly busyWith: string | null;
}

/** A tick that nobody saw to within this time came due while nobody was there. */
const lateMs = 60_000;
/** Ticks that are caught up with at once; older ones are missed. */
const mostCaughtUp = 100;
/** Ticks that are told one by one; those before are told as one. */
const mostTold = 1000;

/** Every tick in (mark, now], oldest first. Nothing while the clock is at or before the mark. */
export function decideTicks(schedule: Schedule, moment: Moment): readonly Tick[] {
  const { cron, timezone } = schedule;
  const due: number[] = [];
  let untold = 0;
  for (const instant of instantsBetween(cron, timezone, moment.mark, moment.now)) {
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
    reason: `it and ${older + untold - 1} ticks before it came due while nobody was there`,
    ticks: older + untold,
  };
  return [summary, ...told];
}

/** @param newer ticks that are due, too, and come after it */
function decideTick(schedule: Schedule, moment: Moment, atMs: number, newer: number): Tick {
  const lateByMs = moment.now.getTime() - atMs;
  const decided = (verdict: Tick["verdict"], reason: string | null): Tick => ({
    ...{ at: new Date(atMs).toISOString(), verdict, reason, ticks: 1 },
  });
  if (moment.paused) return decided("skipped", "the job is paused");
  if (schedule.startDeadlineMs !== null && lateByMs > schedule.startDeadlineMs)
    return decided("missed", "its start_deadline had passed");
  if (schedule.catchup === "none" && lateByMs > lateMs)
    return decided("missed", "it came due while nobody was there (catchup: none)");
  if (schedule.catchup !== "all" && newer > 0)
    return decided("skipped", `a later tick was due as well (catchup: ${schedule.catchup})`);
  if (newer >= mostCaughtUp) return decided("missed", `more than ${mostCaughtUp} ticks were due`);
  if (schedule.overlap === "skip" && moment.busyWith !== null)
    return decided("skipped", `the run of ${moment.busyWith} was still going (overlap: skip)`);
  return decided("fired", null);
}
