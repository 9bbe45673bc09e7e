/**
 * The publication log: the record of a target's decisions, for files and for object stores. It alone commits.
 *
 * An entry is put under the next free number and never changed. The first entry that names a run decides it,
 * `commit` or `abort`. Each entry contains the whole state (live files, live runs, every decision), so a
 * reader only needs the highest number, the head. `sinks/publication-log/deciding.ts` describes how an entry
 * is put, `sinks/publication-log/next-entry.ts` how it is computed. All of it is pure.
 */
import type { Schema } from "../../data/column.js";
import type { Interval } from "../../job/job.js";
import type { WriteMode } from "../../job/output.js";
import type { RunKey } from "../../job/run.js";

/** A run as the log stores it. */
export interface LogRun extends RunKey {
  readonly id: string;
  readonly jobName: string;
  readonly fingerprint: string;
  readonly interval: Interval | null;
  /** When the run was created, ISO 8601 in UTC; absent in entries of version 0.1. */
  readonly createdAt?: string;
}

/** A run whose publication is visible, at least partly. */
export interface LiveRun extends LogRun {
  /** Number of the entry that committed it. */
  readonly publication: number;
  readonly at: string;
  readonly partitionBy: readonly string[];
}

export interface LoggedFile {
  /** Path for readers: relative to the output, with `/` between steps. */
  readonly path: string;
  /** Path of its bytes, relative to the staging area. Every version can be rebuilt from there. */
  readonly staged: string;
  readonly partitionValues: readonly string[];
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  /** The run that wrote it. */
  readonly runId: string;
}

/** Details of a commit, for the manifest and for showing it. */
export interface CommitDetails {
  readonly mode: WriteMode;
  readonly partitionBy: readonly string[];
  /** Columns of the output, including partition columns; `null` if the publisher did not provide them. */
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
  /** The decided run, or the newest run that a rollback hides. */
  readonly run: LogRun;
  /** Number of the commit whose state is visible; `null` before the first. */
  readonly publication: number | null;
  /** The commit that a rollback of one publication would show again. */
  readonly beneath: number | null;
  /** Number of the entry that last changed the visible state; an abort does not change it. */
  readonly shownSince: number | null;
  readonly runs: readonly LiveRun[];
  /** Live files in order of their paths. */
  readonly files: readonly LoggedFile[];
  readonly decided: { readonly [runId: string]: LoggedDecision };
  /** For commits only. */
  readonly commit: CommitDetails | null;
  /**
   * An old entry that was compacted to save space: it contains its number and its quarantine, but no state.
   */
  readonly compacted?: true;
}

export const logVersion = 1;

/** Returns the decision on a run, or `null` if there is none. */
export function decisionOf(head: LogEntry | null, runId: string): LoggedDecision | null {
  if (head === null || !Object.hasOwn(head.decided, runId)) return null;
  return head.decided[runId] ?? null;
}

/** Returns the live publication of (job, scope); `null` if it was rolled back or completely superseded. */
export function publishedOf(head: LogEntry | null, jobId: string, scope: string): LiveRun | null {
  return head?.runs.find((run) => run.jobId === jobId && run.scope === scope) ?? null;
}

/** Returns the runs that a rollback hid, newest first. */
export function hiddenBy({ seq, decided }: LogEntry): readonly string[] {
  const hidden = Object.entries(decided).filter(([, decision]) => decision.rolledBack === seq);
  return hidden.sort(([, a], [, b]) => b.publication - a.publication).map(([runId]) => runId);
}

/**
 * Returns an old entry without its state. Its number stays taken, so that a delayed process cannot put
 * another entry there.
 */
export function compacted(entry: LogEntry): LogEntry {
  return { ...entry, runs: [], files: [], decided: {}, compacted: true };
}
