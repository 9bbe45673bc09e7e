/** Notifications about a job: it failed, recovered, is late, or waits. */
import type { ErrorRecord } from "../errors.js";
import { nextInstant, parseCron } from "../time/cron.js";
import type { Interval, Job } from "./job.js";
import type { Run } from "./run.js";
import { runAgain, startingOver, wayOn } from "./way-on.js";

export const noticeEvents = ["failed", "recovered", "late", "waiting"] as const;
export type NoticeEvent = (typeof noticeEvents)[number];

/** Receivers and events of notices. The URLs are secrets: they stay in the process that read them. */
export interface NotifySettings {
  readonly events: readonly NoticeEvent[];
  readonly deadline: Deadline | null;
  readonly webhook: string | null;
  readonly slack: string | null;
}

/** A time after an interval's end, or the first time after it that a zone's clock shows. */
export type Deadline =
  | { readonly kind: "after"; readonly ms: number }
  | { readonly kind: "clock"; readonly hour: number; readonly minute: number; readonly timezone: string };

export interface Notice {
  readonly event: NoticeEvent;
  /** ISO 8601, as are all times here. */
  readonly at: string;
  readonly job: string;
  readonly interval: Interval | null;
  readonly trigger: Run["trigger"];
  readonly target: string;
  /** `null` if there is no run that it is about. */
  readonly runId: string | null;
  /** Why it failed, without values of rows and without secrets. */
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } | null;
  /** The command to run once the cause is resolved; `null` if nothing has to be done. */
  readonly remedy: string | null;
  /** Number of published rows. */
  readonly rows: number | null;
  /** The deadline that was or will be missed. */
  readonly deadline: string | null;
  /** When the run is expected to end, if it is running. */
  readonly expectedAt: string | null;
  /** For `waiting`: when it fails unless its input has arrived, or when it is retried. */
  readonly until?: string;
}

export function deadlineOf(deadline: Deadline, { end }: Interval): Date {
  const endMs = Date.parse(end);
  if (deadline.kind === "after") return new Date(endMs + deadline.ms);
  const parsed = parseCron(`${deadline.minute} ${deadline.hour} * * *`);
  if (parsed.kind === "mistake") throw new Error("hours and minutes of a clock are checked by the schema");
  // Every clock shows it within two days.
  return nextInstant(parsed.cron, deadline.timezone, new Date(endMs - 1)) ?? new Date(endMs);
}

interface Failed {
  readonly job: string;
  readonly interval: Interval | null;
  readonly runId: string | null;
  readonly vars?: Job["vars"];
}

/** Returns the command that helps once the cause of a failure is resolved. */
export function remedyOf(
  error: Pick<ErrorRecord, "kind" | "code" | "details">,
  { job, interval, runId, vars = {} }: Failed,
): string {
  if (runId !== null && wayOn(error) === "retry") return `nightshift retry ${runId}`;
  // Without a run there is nothing to drop, unless an unfinished run of other inputs blocks it.
  const isBlocked = error.code === "refused.other-fingerprint";
  const flags = runId !== null ? startingOver(runId) : isBlocked ? ["--restart"] : [];
  return `nightshift ${runAgain(job, { interval, vars }, ...flags)}`;
}

/** Formats a notice in one line. */
export function headlineOf(notice: Notice): string {
  const { event, job, interval, rows, deadline, expectedAt } = notice;
  const of = interval === null ? "" : ` for ${labelOf(interval)}`;
  switch (event) {
    case "failed":
      return `${job} failed${of}`;
    case "recovered":
      return `${job} has recovered: published${of}${rows === null ? "" : `, ${rows.toLocaleString("en-US")} rows`}`;
    case "waiting": {
      const until = notice.until === undefined ? "" : `, until ${timeOf(notice.until)}`;
      return `${job} is waiting${of}${until}`;
    }
    case "late": {
      const due = deadline === null ? "" : `: due ${timeOf(deadline)}`;
      if (expectedAt === null) return `${job} is late${of}${due}, not published yet`;
      return `${job} will be late${of}${due}, expected ${timeOf(expectedAt)}`;
    }
  }
}

/** The hours of a day share one `ds`. */
function labelOf({ ds, start, end }: Interval): string {
  return Date.parse(end) - Date.parse(start) > 3_600_000 ? ds : timeOf(start);
}

function timeOf(iso: string): string {
  return `${iso.slice(0, 16).replace("T", " ")} UTC`;
}
