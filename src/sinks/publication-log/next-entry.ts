/** Computes the next log entry from an intent and the head: which files stay and which are removed. */
import { SpecError } from "../../errors.js";
import type { RunKey } from "../../job/run.js";
import {
  type CommitDetails,
  type LiveRun,
  type LogEntry,
  type LoggedFile,
  type LogRun,
  logVersion,
  publishedOf,
} from "./publication-log.js";

/** A requested change of the log. */
export type Intent = CommitIntent | AbortIntent | RollbackIntent;

export interface CommitIntent {
  readonly action: "commit";
  readonly at: string;
  readonly run: LogRun;
  readonly files: readonly LoggedFile[];
  readonly details: CommitDetails;
  /**
   * Number of the head when the user requested this run; 0: `retry` resumes a run regardless of later
   * publications.
   */
  readonly lookedAt: number;
  /** A publication whose visible output was removed by hand, which removed everything that was live. */
  readonly removed: number | null;
}

export interface AbortIntent {
  readonly action: "abort";
  readonly at: string;
  readonly run: LogRun;
}

export interface RollbackIntent {
  readonly action: "rollback";
  readonly at: string;
  /**
   * The publications to hide, newest first; the first is the one that was visible when the user made the
   * request.
   */
  readonly hide: readonly [number, ...number[]];
  /** The commit to show again, in its original form. */
  readonly show: LogEntry;
}

/** Returns the entry that carries out an intent on top of the head. @throws SpecError `refused.*` */
export function nextEntry(intent: Intent, head: LogEntry | null): LogEntry {
  switch (intent.action) {
    case "commit":
      return nextCommit(intent, head);
    case "abort":
      return nextAbort(intent, head);
    case "rollback":
      return nextRollback(intent, head);
  }
}

function nextCommit(intent: CommitIntent, head: LogEntry | null): LogEntry {
  const { run, details } = intent;
  const before =
    head !== null && head.publication !== null && head.publication !== intent.removed ? head : null;
  if (before !== null && details.mode === "error") throw targetHasPublication(before);
  const newer = publishedOf(before, run.jobId, run.scope);
  if (newer !== null && newer.generation > run.generation) throw newerGeneration(run, newer);
  const later = replacesAll(intent) ? createdLater(before, intent) : undefined;
  if (later !== undefined) throw newerPublication(run, later);

  const seq = (head?.seq ?? 0) + 1;
  const kept = before === null ? [] : before.files.filter(survives(intent, before));
  const files = [...kept, ...intent.files].sort(byPath);
  assertOneLayout(details, kept, before);
  assertDistinctPaths(files);
  const live: LiveRun = { ...run, publication: seq, at: intent.at, partitionBy: details.partitionBy };
  return {
    ...follow(head, intent.at),
    action: "commit",
    run,
    publication: seq,
    beneath: before?.publication ?? null,
    shownSince: seq,
    runs: [...stillLive(intent, before, kept), live],
    files,
    decided: { ...head?.decided, [run.id]: { outcome: "commit", publication: seq } },
    commit: details,
  };
}

/**
 * Decides which live files stay beside those of a commit. The commit replaces:
 * - `append`: the files of the same job and scope, so that reprocessing an interval replaces that interval's
 *   files.
 * - `replace` by an interval's run with `partition_by`: those, and all files in the partitions that it
 *   writes. The other partitions stay: each night's run adds its own `dt=…`.
 * - `replace` otherwise: all files.
 */
function survives(intent: CommitIntent, before: LogEntry): (file: LoggedFile) => boolean {
  const { run, details } = intent;
  if (replacesAll(intent)) return () => false;
  const own = new Set(before.runs.filter((live) => sameScope(live, run)).map((live) => live.id));
  if (details.mode === "append") return (file) => !own.has(file.runId);
  const written = new Set(intent.files.map((file) => JSON.stringify(file.partitionValues)));
  return (file) => !own.has(file.runId) && !written.has(JSON.stringify(file.partitionValues));
}

function replacesAll({ run, details }: CommitIntent): boolean {
  return details.mode !== "append" && (run.interval === null || details.partitionBy.length === 0);
}

/**
 * Finds a live run of the same job that was created after this one and published after the user requested
 * this one: it read newer input, and a run that was paused or retried must not replace its predictions with
 * older ones. Clocks are only compared for runs that overlap in time, or for a retried run; `--restart`
 * always resolves the refusal. Runs of intervals are not compared here.
 */
function createdLater(before: LogEntry | null, { run, lookedAt }: CommitIntent): LiveRun | undefined {
  if (run.interval !== null) return undefined;
  return before?.runs.find(
    (live) =>
      live.publication > lookedAt &&
      live.jobId === run.jobId &&
      live.interval === null &&
      (live.createdAt ?? "") > (run.createdAt ?? "~"),
  );
}

function sameScope(a: RunKey, b: RunKey): boolean {
  return a.jobId === b.jobId && a.scope === b.scope;
}

/** Returns the runs that still own a live file, and those that published no files and were not superseded. */
function stillLive(
  intent: CommitIntent,
  before: LogEntry | null,
  kept: readonly LoggedFile[],
): readonly LiveRun[] {
  if (before === null) return [];
  const owners = new Set(kept.map((file) => file.runId));
  const hadFiles = new Set(before.files.map((file) => file.runId));
  return before.runs.filter((live) => {
    if (replacesAll(intent) || sameScope(live, intent.run)) return false;
    return owners.has(live.id) || !hadFiles.has(live.id);
  });
}

function nextAbort(intent: AbortIntent, head: LogEntry | null): LogEntry {
  const next = follow(head, intent.at);
  return {
    ...next,
    action: "abort",
    run: intent.run,
    publication: head?.publication ?? null,
    beneath: head?.beneath ?? null,
    shownSince: head?.shownSince ?? null,
    runs: head?.runs ?? [],
    files: head?.files ?? [],
    decided: { ...head?.decided, [intent.run.id]: { outcome: "abort", publication: next.seq } },
    commit: null,
  };
}

function nextRollback(intent: RollbackIntent, head: LogEntry | null): LogEntry {
  const [newest] = intent.hide;
  const hidden = head?.runs.find((run) => run.publication === newest);
  if (head === null || head.publication !== newest || hidden === undefined) {
    throw new SpecError(
      "refused.publication-moved",
      `publication ${newest} is no longer the visible one: ${head?.publication ?? "none"} is`,
      { hint: "Check what is published now, then roll back again if that is still wanted." },
    );
  }
  const { publication: _publication, at: _at, partitionBy: _partitionBy, ...run } = hidden;
  const next = follow(head, intent.at);
  const { show } = intent;
  return {
    ...next,
    action: "rollback",
    run,
    publication: show.publication,
    beneath: show.beneath,
    shownSince: next.seq,
    runs: show.runs,
    files: show.files,
    decided: withHidden(head.decided, intent.hide, next.seq),
    commit: null,
  };
}

function withHidden(
  decided: LogEntry["decided"],
  hide: readonly number[],
  rolledBack: number,
): LogEntry["decided"] {
  return Object.fromEntries(
    Object.entries(decided).map(([runId, decision]) => [
      runId,
      decision.outcome === "commit" && hide.includes(decision.publication)
        ? { ...decision, rolledBack }
        : decision,
    ]),
  );
}

function follow(head: LogEntry | null, at: string): Pick<LogEntry, "version" | "seq" | "previous" | "at"> {
  return { version: logVersion, seq: (head?.seq ?? 0) + 1, previous: head?.seq ?? null, at };
}

function byPath(a: LoggedFile, b: LoggedFile): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

function assertDistinctPaths(sorted: readonly LoggedFile[]): void {
  const twice = sorted.find((file, index) => file.path === sorted[index + 1]?.path);
  if (twice !== undefined) throw new Error(`two live files under one path: ${twice.path}`);
}

/** A tree with two layouts of Hive directories cannot be read, which users would notice too late. */
function assertOneLayout(details: CommitDetails, kept: readonly LoggedFile[], before: LogEntry | null): void {
  const staying = new Set(kept.map((file) => file.runId));
  const other = before?.runs.find(
    (run) => staying.has(run.id) && run.partitionBy.join("/") !== details.partitionBy.join("/"),
  );
  if (other === undefined) return;
  throw new SpecError(
    "refused.layout-changed",
    `the output is partitioned by ${columnList(other.partitionBy)} and this run by ${columnList(details.partitionBy)}`,
    { hint: "Keep `partition_by` as it was, or write to another output." },
  );
}

function columnList(columns: readonly string[]): string {
  return columns.length === 0 ? "nothing" : columns.join(", ");
}

function targetHasPublication(head: LogEntry): SpecError {
  return new SpecError(
    "refused.target-exists",
    `the output contains publication ${head.publication}, and mode \`error\` never replaces one`,
    {
      hint: "Pass --overwrite to `score`, set `mode: replace` or `mode: append` in the job, or choose another output.",
      details: { publication: head.publication },
    },
  );
}

function newerPublication(run: LogRun, later: LiveRun): SpecError {
  return new SpecError(
    "refused.newer-publication",
    `run ${run.id} was created at ${run.createdAt}, before run ${later.id} (${later.createdAt}), which is published: ` +
      "an older run never replaces the predictions of a newer one",
    {
      hint: "Score the input as it is now with --restart, or roll the newer publication back first.",
      details: { publication: later.publication },
    },
  );
}

function newerGeneration(run: LogRun, newer: LiveRun): SpecError {
  return new SpecError(
    "refused.newer-generation",
    `run ${run.id} (generation ${run.generation}) is older than what is published for the same job and interval: ` +
      `run ${newer.id} (generation ${newer.generation})`,
    { hint: "Run it again with --reprocess to publish a newer generation." },
  );
}
