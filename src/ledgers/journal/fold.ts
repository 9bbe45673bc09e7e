/**
 * The fold: records in, states out. It depends only on the order of records. Times are copied but not
 * compared, so a clock that goes backwards changes no state.
 */
import type { ErrorRecord } from "../../errors.js";
import type { AttemptFailure, PartitionState, PlanTotals, Receipt } from "../../job/partition.js";
import { isResumable, type Owner, type Run, type RunState, type RunStatus } from "../../job/run.js";
import { addSums, reasonsOf, rowsOf, type Sums, statsOf, sumsOf } from "../../job/statistics.js";
import type { JournalRecord, PlanFile } from "./records.js";

/** State of a partition. Its rows are in the plan, not in the journal. */
export interface PartitionProgress {
  readonly status: PartitionState["status"];
  readonly epoch: number;
  /** The attempt that was started in this epoch. */
  readonly attemptId: string | null;
  readonly attempts: number;
  readonly soloDeaths: number;
  readonly receipt: Receipt | null;
  readonly lastError: ErrorRecord | null;
}

/**
 * A run as described by its records. It is changed in place: with 100,000 partitions, a copy for each record
 * would be quadratic.
 */
export interface RunFold {
  readonly run: Run;
  status: RunStatus;
  plan: PlanFile | null;
  fingerprint: string | null;
  totals: PlanTotals | null;
  provider: string | null;
  /** In plan order. Entries are replaced, never changed. */
  readonly partitions: PartitionProgress[];
  acceptedPartitions: number;
  /** Over accepted partitions. */
  sums: Sums;
  error: ErrorRecord | null;
  publication: number | null;
  /** How often the run has failed or been cancelled. */
  ends: number;
  owner: Owner | null;
  startedAt: string | null;
  updatedAt: string;
}

const untouched: PartitionProgress = {
  status: "pending",
  epoch: 0,
  attemptId: null,
  attempts: 0,
  soloDeaths: 0,
  receipt: null,
  lastError: null,
};

export function startFold(run: Run): RunFold {
  return {
    run,
    status: "created",
    plan: null,
    fingerprint: null,
    totals: null,
    provider: null,
    partitions: [],
    acceptedPartitions: 0,
    sums: {},
    error: null,
    publication: null,
    ends: 0,
    owner: null,
    startedAt: null,
    updatedAt: run.createdAt,
  };
}

export function applyRecord(fold: RunFold, record: JournalRecord): void {
  fold.updatedAt = record.at;
  switch (record.type) {
    case "claimed":
      fold.owner = record.owner;
      fold.startedAt ??= record.at;
      return;
    case "adopted":
      reopen(fold);
      return;
    case "planned":
      fold.status = "planned";
      fold.plan = record.plan;
      fold.fingerprint = record.fingerprint;
      fold.totals = record.totals;
      fold.provider = record.provider;
      for (let index = 0; index < record.plan.partitions; index++) fold.partitions.push(untouched);
      return;
    case "leased":
      fold.status = "running";
      change(fold, record.partition, { status: "leased", epoch: record.epoch, attemptId: null });
      return;
    case "started":
      change(fold, record.partition, { status: "running", attemptId: record.attemptId });
      return;
    case "accepted":
      accept(fold, record.receipt);
      return;
    case "attempt-failed":
      change(fold, record.partition, afterFailure(at(fold, record.partition), record.failure));
      return;
    case "revived":
      forEachPartition(fold, isGivenUp, { ...untouched });
      return;
    case "publishing":
      fold.status = "publishing";
      return;
    case "published":
      fold.status = "published";
      fold.publication = record.publication;
      return;
    case "failed":
      fold.status = "failed";
      fold.error = record.error;
      fold.ends += 1;
      return;
    case "cancelled":
      fold.status = "cancelled";
      fold.ends += 1;
      return;
    case "dropped":
      fold.status = "dropped";
      return;
    case "released":
      fold.owner = null;
      return;
    case "fenced":
      return;
  }
}

export function at(fold: RunFold, partition: number): PartitionProgress {
  return fold.partitions[partition] ?? untouched;
}

/** A new owner: no attempt is active, and a failed or cancelled run resumes where it stopped. */
function reopen(fold: RunFold): void {
  forEachPartition(fold, (progress) => progress.status === "leased" || progress.status === "running", {
    status: "pending",
    attemptId: null,
  });
  if (!isResumable(fold)) return;
  fold.error = null;
  if (fold.plan === null) fold.status = "created";
  else fold.status = fold.partitions.some((progress) => progress.epoch > 0) ? "running" : "planned";
}

function accept(fold: RunFold, receipt: Receipt): void {
  change(fold, receipt.ref.partition, { status: "accepted", receipt, lastError: null });
  fold.acceptedPartitions += 1;
  fold.sums = addSums(fold.sums, sumsOf(receipt));
}

/** Counts only the partition's own faults, and host deaths while it ran alone. */
function afterFailure(before: PartitionProgress, failure: AttemptFailure): Partial<PartitionProgress> {
  return {
    status: failure.next,
    attemptId: null,
    attempts: before.attempts + (failure.cost === "fault" ? 1 : 0),
    soloDeaths: before.soloDeaths + (failure.cost === "solo-death" ? 1 : 0),
    lastError: failure.cost === "released" ? before.lastError : failure.error,
  };
}

function isGivenUp(progress: PartitionProgress): boolean {
  return progress.status === "failed" || progress.status === "poisoned";
}

function forEachPartition(
  fold: RunFold,
  chosen: (progress: PartitionProgress) => boolean,
  changes: Partial<PartitionProgress>,
): void {
  for (const [index, progress] of fold.partitions.entries())
    if (chosen(progress)) change(fold, index, { ...changes, epoch: progress.epoch });
}

function change(fold: RunFold, partition: number, changes: Partial<PartitionProgress>): void {
  fold.partitions[partition] = { ...at(fold, partition), ...changes };
}

export function toRunState(fold: RunFold): RunState {
  return {
    run: fold.run,
    status: fold.status,
    fingerprint: fold.fingerprint,
    totals: fold.totals,
    provider: fold.provider,
    accepted: { partitions: fold.acceptedPartitions, rows: rowsOf(fold.sums) },
    reasons: reasonsOf(fold.sums),
    stats: statsOf(fold.sums),
    error: fold.error,
    publication: fold.publication,
    owner: fold.owner,
    startedAt: fold.startedAt ?? fold.run.createdAt,
    updatedAt: fold.updatedAt,
  };
}

export function toPartitionState(progress: PartitionProgress, index: number, rows: number): PartitionState {
  return {
    index,
    status: progress.status,
    epoch: progress.epoch,
    attemptId: progress.attemptId,
    attempts: progress.attempts,
    soloDeaths: progress.soloDeaths,
    rows,
    receipt: progress.receipt,
    lastError: progress.lastError,
  };
}
