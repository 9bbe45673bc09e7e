/** Watches the runs of one job and sends notices about them. */

import type { Interval } from "../../job/job.js";
import { type Notice, remedyOf } from "../../job/notice.js";
import { writtenRows } from "../../job/partition.js";
import type { Progress, RunEvent } from "../../job/run-events.js";
import type { Clock } from "../../time/clock.js";
import type { Observer, RunEnd } from "../observer.js";

export interface JobNoticesOptions {
  /** How the job ended last, before this run. */
  readonly before: "published" | "failed" | null;
  /** Deadline of the interval that is due; `null` if none is. */
  readonly due: Due | null;
  readonly clock: Clock;
  /** Runs `work` once after `ms`, unless the returned function is called before. */
  readonly after: (ms: number, work: () => void) => () => void;
  /** Returns `true` for the first process that reports an interval as late. */
  readonly claimLate: (job: string, interval: Interval) => Promise<boolean>;
  readonly notify: (notice: Notice) => void;
}

export interface Due {
  readonly interval: Interval;
  readonly deadline: Date;
  /** Where its predictions are written, for display. */
  readonly target: string;
}

/** Before this time, the estimate of a run's remaining time is unreliable. */
const settledMs = 30_000;

/** State of one run that may miss its deadline. */
interface Watched {
  readonly about: Pick<Notice, "job" | "interval" | "trigger" | "runId" | "target">;
  readonly cancel: () => void;
  firstProgressMs: number | null;
  isTold: boolean;
}

export function jobNotices(options: JobNoticesOptions): Observer {
  const { due, clock, notify } = options;
  let before = options.before;
  let watched: Watched | null = null;

  function on(event: RunEvent): void {
    if (event.type === "run.started") watch(event);
    if (event.type === "run.progress" && watched !== null) foresee(watched, event);
  }

  function watch({ runId, job, interval, trigger }: RunEvent & { readonly type: "run.started" }): void {
    unwatch();
    if (due === null || interval?.start !== due.interval.start) return;
    const about = { job, interval, trigger, runId, target: due.target };
    const leftMs = due.deadline.getTime() - clock.now().getTime();
    const of: Watched = {
      about,
      cancel: options.after(Math.max(0, leftMs), () => tellLate(of, null)),
      firstProgressMs: null,
      isTold: false,
    };
    watched = of;
  }

  /** Sends a notice if the expected end of the run is after the deadline. */
  function foresee(of: Watched, { secondsLeft }: Progress): void {
    const nowMs = clock.monotonicMs();
    of.firstProgressMs ??= nowMs;
    if (due === null || secondsLeft === null || nowMs - of.firstProgressMs < settledMs) return;
    const expectedAt = new Date(clock.now().getTime() + secondsLeft * 1000);
    if (expectedAt > due.deadline) tellLate(of, expectedAt);
  }

  function tellLate(of: Watched, expectedAt: Date | null): void {
    if (due === null || of.isTold) return;
    of.isTold = true;
    const notice: Notice = {
      ...of.about,
      event: "late",
      at: clock.now().toISOString(),
      error: null,
      remedy: null,
      rows: null,
      deadline: due.deadline.toISOString(),
      expectedAt: expectedAt?.toISOString() ?? null,
    };
    // If the store cannot be written to, a notice may be sent twice rather than never.
    void options
      .claimLate(of.about.job, due.interval)
      .catch(() => true)
      .then((isFirst) => {
        if (isFirst) notify(notice);
      });
  }

  function unwatch(): void {
    watched?.cancel();
    watched = null;
  }

  function ended(end: RunEnd): void {
    unwatch();
    if (end.status === "failed" && !isAskersMistake(end)) {
      // A backfill continues after failures; one notice about several in a row is enough.
      if (end.trigger !== "backfill" || before !== "failed") notify(noticeOf("failed", end));
      before = "failed";
    }
    if (end.status === "published") {
      if (before === "failed") notify(noticeOf("recovered", end));
      before = "published";
    }
  }

  return { on, ended, close: unwatch };
}

/**
 * Whether a manual request failed because it was wrong, which its caller has seen: the job itself is not
 * affected.
 */
function isAskersMistake({ trigger, error }: RunEnd): boolean {
  return trigger !== "schedule" && /^(refused|usage)\./.test(error?.code ?? "");
}

function noticeOf(event: "failed" | "recovered", end: RunEnd): Notice {
  const { at, job, interval, trigger, target, runId, rows, changes, error } = end;
  return {
    ...{ event, at, job, interval, trigger, target, runId },
    error: error === null ? null : { code: error.code, message: error.message, hint: error.hint ?? null },
    remedy: event === "failed" && error !== null ? remedyOf(error, end) : null,
    rows: event === "recovered" ? writtenRows(rows, changes) : null,
    deadline: null,
    expectedAt: null,
  };
}
