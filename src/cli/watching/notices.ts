/** Who is told of a job's troubles, put together: its settings, the ledger's memory, and whoever posts. */
import { asNightshiftError } from "../../errors.js";
import type { Job } from "../../job/job.js";
import { deadlineOf, type Notice, type NotifySettings } from "../../job/notice.js";
import { targetOf } from "../../job/output.js";
import type { Due } from "../../observers/notices/job-notices.js";
import type { Observer } from "../../observers/observer.js";
import { type IntervalRule, latestCompleteInterval } from "../../time/interval.js";
import { warningNote } from "../output/note.js";
import type { Cli } from "../shell/context.js";

export interface NotifiedJob {
  readonly name: string;
  readonly notify: NotifySettings;
  /** `null` where nothing is due by what was asked. */
  readonly due: Due | null;
  /** How it ended last, as far as those who are notified know; without it, the ledger says. */
  readonly before?: "failed";
}

export interface Notices {
  /** For what is asked of a job from now on: how it ended last is looked up here. */
  of(job: NotifiedJob): Promise<Observer>;
  tell(notice: Notice, to: NotifySettings): void;
  /** Unless an earlier one said so, in whatever process. */
  tellLate(notice: Notice, to: NotifySettings): Promise<void>;
  /** Lets what is on its way arrive; not for long. */
  close(): Promise<void>;
}

const graceMs = 15_000;
const longestTimerMs = 2 ** 31 - 1;

export async function openNotices(cli: Cli): Promise<Notices> {
  const { createOutbox } = await import("../../observers/notices/outbox.js");
  const { jobNotices } = await import("../../observers/notices/job-notices.js");
  const { lastEndOf } = await import("../../running/last-end.js");
  const { clock, secrets } = cli;
  const app = await cli.app();
  const outbox = createOutbox({ pause, mask: secrets.mask, onTrouble: (text) => warn(cli, text) });
  const claimLate = async (job: string, { start }: { readonly start: string }): Promise<boolean> =>
    (await app.noticeStore()).claim(`late ${job} ${start}`);

  return {
    async of({ name, notify, due, before: known }) {
      const before =
        known ??
        (await lastEnd(name).catch((error: unknown) => {
          warn(cli, `whether ${name} recovers cannot be told: ${asNightshiftError(error).message}`);
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

/** Of a job for the latest interval that is over: those before it are nobody's hurry. */
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

/** A timer keeps no process from ending. */
function after(ms: number, work: () => void): () => void {
  const timer = setTimeout(work, Math.min(ms, longestTimerMs));
  timer.unref();
  return () => clearTimeout(timer);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}

function warn({ note }: Cli, text: string): void {
  note(warningNote(text));
}
