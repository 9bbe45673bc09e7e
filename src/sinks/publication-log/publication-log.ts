/**
 * The publication log: the decide-once record of a target, for files and for object stores. It alone commits.
 *
 * An entry is put under the next free number and never changed. The first entry that names a run decides it, `commit`
 * or `abort`. Each carries the whole state (live files, live runs, every decision), so the highest number, the head,
 * is all that anybody has to read. How one comes to be put: `sinks/publication-log/deciding.ts`; what stands in it:
 * `sinks/publication-log/next-entry.ts`. All of it is pure.
 */
import type { Schema } from "../../data/column.js";
import type { Interval } from "../../job/job.js";
import type { WriteMode } from "../../job/output.js";
import type { RunKey } from "../../job/run.js";

/** What the log remembers of a run. */
export interface LogRun extends RunKey {
  readonly id: string;
  readonly jobName: string;
  readonly fingerprint: string;
  readonly interval: Interval | null;
  /** When the run was created, ISO 8601 in UTC; absent in entries of version 0.1. */
  readonly createdAt?: string;
}

/** A run whose publication is visible, at least in part. */
export interface LiveRun extends LogRun {
  /** Number of the entry that committed it. */
  readonly publication: number;
  readonly at: string;
  readonly partitionBy: readonly string[];
}

export interface LoggedFile {
  /** Where readers find it: relative to the output, `/` between parts. */
  readonly path: string;
  /** Where its bytes lie: relative to the staging area. Every version can be built again from there. */
  readonly staged: string;
  readonly partitionValues: readonly string[];
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  /** The run that wrote it. */
  readonly runId: string;
}

/** What a commit says about itself, for the manifest and for showing it. */
export interface CommitDetails {
  readonly mode: WriteMode;
  readonly partitionBy: readonly string[];
  /** Columns of the output, partition columns included; `null` where the publisher did not say. */
  readonly columns: Schema | null;
  readonly modelSha256: string | null;
  /** Quarantine files; `path` is relative to the run's quarantine directory. */
  readonly quarantine: readonly LoggedFile[];
}

export interface LoggedDecision {
  readonly outcome: "commit" | "abort";
  /** Number of the deciding entry. */
  readonly publication: number;
  /** Number of the rollback that hid it. */
  readonly rolledBack?: number;
}

export interface LogEntry {
  readonly version: typeof logVersion;
  readonly seq: number;
  readonly previous: number | null;
  readonly at: string;
  readonly action: "commit" | "abort" | "rollback";
  /** The run that is decided, or the newest one that a rollback hides. */
  readonly run: LogRun;
  /** Number of the commit whose state is the visible one; `null` before the first. */
  readonly publication: number | null;
  /** The commit that a rollback of one publication would show again. */
  readonly beneath: number | null;
  /** Number of the entry that last changed what is visible: an abort changes nothing. */
  readonly shownSince: number | null;
  readonly runs: readonly LiveRun[];
  /** Live files in order of their paths. */
  readonly files: readonly LoggedFile[];
  readonly decided: { readonly [runId: string]: LoggedDecision };
  /** Of commits only. */
  readonly commit: CommitDetails | null;
  /** An old entry that was emptied to save space: it holds its number and its quarantine, no state. */
  readonly compacted?: true;
}

export const logVersion = 1;

/** The decision on a run, or `null` while there is none. */
export function decisionOf(head: LogEntry | null, runId: string): LoggedDecision | null {
  if (head === null || !Object.hasOwn(head.decided, runId)) return null;
  return head.decided[runId] ?? null;
}

/** The live publication of (job, scope). One that was rolled back or wholly superseded is none. */
export function publishedOf(head: LogEntry | null, jobId: string, scope: string): LiveRun | null {
  return head?.runs.find((run) => run.jobId === jobId && run.scope === scope) ?? null;
}

/** The runs that a rollback hid, newest first. */
export function hiddenBy({ seq, decided }: LogEntry): readonly string[] {
  const hidden = Object.entries(decided).filter(([, decision]) => decision.rolledBack === seq);
  return hidden.sort(([, a], [, b]) => b.publication - a.publication).map(([runId]) => runId);
}

/** An old entry without its state. Its number stays taken: nobody who was asleep may put a second one there. */
export function compacted(entry: LogEntry): LogEntry {
  return { ...entry, runs: [], files: [], decided: {}, compacted: true };
}
