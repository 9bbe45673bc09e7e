/**
 * Sends notices about a job's problems: the ledger shows how the job ended last, and the outbox sends the
 * notices.
 */
import { asNightshiftError } from "../errors.js";
import type { Job } from "../job/job.js";
import { deadlineOf, type Notice, type NotifySettings } from "../job/notice.js";
import { targetOf } from "../job/output.js";
import type { Due } from "../observers/notices/job-notices.js";
import type { Observer } from "../observers/observer.js";
import { type IntervalRule, latestCompleteInterval } from "../time/interval.js";
import { type ServiceContext, warningNote } from "./context.js";

export interface NotifiedJob {
  readonly name: string;
  readonly notify: NotifySettings;
  /** `null`: the run has no deadline. */
  readonly due: Due | null;
  /** How the job ended last, as the receivers of its notices know it; by default as the ledger says. */
  readonly before?: "failed";
}

export interface Notices {
  /** Returns an observer of the job's next run. Looks up how the job ended last. */
  of(job: NotifiedJob): Promise<Observer>;
  tell(notice: Notice, to: NotifySettings): void;
  /** Sends the notice unless an earlier one of any process was about the same interval. */
  tellLate(notice: Notice, to: NotifySettings): Promise<void>;
  /** Waits for notices that are being sent, {@link graceMs} at most. */
  close(): Promise<void>;
}

const graceMs = 15_000;
const longestTimerMs = 2 ** 31 - 1;

export async function openNotices(context: ServiceContext): Promise<Notices> {
  const { createOutbox } = await import("../observers/notices/outbox.js");
  const { jobNotices } = await import("../observers/notices/job-notices.js");
  const { lastEndOf } = await import("../running/last-end.js");
  const { clock, secrets, pause } = context;
  const app = await context.app();
  const outbox = createOutbox({ pause, mask: secrets.mask, onTrouble: (text) => warn(context, text) });
  const claimLate = async (job: string, { start }: { readonly start: string }): Promise<boolean> =>
    (await app.noticeStore()).claim(`late ${job} ${start}`);

  return {
    async of({ name, notify, due, before: known }) {
      const before =
        known ??
        (await lastEnd(name).catch((error: unknown) => {
          warn(context, `could not determine whether ${name} recovered: ${asNightshiftError(error).message}`);
          return null;
        }));
      return jobNotices({
        ...{ before, due, clock, after, claimLate },
        notify: (notice) => outbox.send(notice, notify),
      });
    },
    tell: (notice, to) => outbox.send(notice, to),
    async tellLate(notice, to) {
      const { job, interval } = notice;
      if (interval === null || !(await claimLate(job, interval))) return;
      outbox.send(notice, to);
    },
    close: () => outbox.close(graceMs),
  };

  async function lastEnd(job: string): Promise<"published" | "failed" | null> {
    return (await lastEndOf(job, await app.ledger(), await app.scheduleStore()))?.status ?? null;
  }
}

/** Returns the deadline of a run if it is for the latest interval that is over; earlier intervals have none. */
export function dueOf(
  job: Job,
  rule: IntervalRule | null,
  notify: NotifySettings | null,
  now: Date,
): Due | null {
  const { interval } = job;
  if (interval === null || rule === null || notify === null || notify.deadline === null) return null;
  if (latestCompleteInterval(now, rule)?.start !== interval.start) return null;
  return { interval, deadline: deadlineOf(notify.deadline, interval), target: targetOf(job.write) };
}

/** A timer must not keep the process alive. */
function after(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, Math.min(ms, longestTimerMs));
  timer.unref();
  return () => clearTimeout(timer);
}

function warn({ note }: ServiceContext, text: string): void {
  note(warningNote(text));
}
