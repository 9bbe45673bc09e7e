/**
 * One named constructor for each legal transition: it checks the run's present state and creates the record,
 * or refuses. No other code creates records, so transitions that are not in this file cannot happen.
 *
 * Attempts that are outdated get `fenced`, which is not an error. A coordinator that requests a transition
 * that the state does not allow gets SpecError `refused.transition`.
 */
import type { ErrorRecord } from "../../errors.js";
import type { AttemptFailure, PartitionRef, Receipt } from "../../job/partition.js";
import type { Plan } from "../../job/plan.js";
import { isActive, isFinal, isLeasable, isOpen, isResumable, type Owner } from "../../job/run.js";
import { rowsOf } from "../../job/statistics.js";
import { illegal, runEnded } from "../refusals.js";
import { at, type PartitionProgress, type RunFold } from "./fold.js";
import type * as records from "./records.js";

/** any -> owned. A published or dropped run cannot be claimed. */
export function claim(fold: RunFold, owner: Owner, now: string): records.Claimed {
  if (isFinal(fold)) throw runEnded(fold.run.id, fold.status);
  return { type: "claimed", at: now, owner };
}

/** leased, running -> pending, keeping their epochs; failed, cancelled -> planned or running. */
export function adopt(previous: records.Honoured | null, now: string): records.Adopted {
  return { type: "adopted", at: now, previous };
}

export function release(now: string): records.Plain<"released"> {
  return { type: "released", at: now };
}

/** created -> planned, before the partitions are written. */
export function allowPlanning(fold: RunFold): void {
  if (fold.status !== "created") throw illegal(fold.run.id, "save a plan", `it is ${fold.status}`);
}

/** created -> planned. */
export function plan(fold: RunFold, saved: Plan, file: records.PlanFile, now: string): records.Planned {
  allowPlanning(fold);
  return {
    type: "planned",
    at: now,
    plan: file,
    fingerprint: saved.fingerprint,
    totals: saved.totals,
    threads: saved.threads,
    provider: saved.profile.provider,
    found: saved.mapping.found,
    warnings: [...saved.mapping.warnings, ...saved.notes],
  };
}

/** pending -> leased; planned -> running with the first one. */
export function lease(fold: RunFold, partition: number, now: string): records.Leased {
  const what = `lease partition ${partition}`;
  if (!isLeasable(fold)) throw illegal(fold.run.id, what, `the run is ${fold.status}`);
  if (!Object.hasOwn(fold.partitions, partition))
    throw illegal(fold.run.id, what, `it has ${fold.partitions.length} partitions`);
  const progress = at(fold, partition);
  if (progress.status !== "pending") throw illegal(fold.run.id, what, `it is ${progress.status}`);
  return { type: "leased", at: now, partition, epoch: progress.epoch + 1 };
}

/** leased -> running. One start for each epoch: a second request is fenced, even from the same attempt. */
export function start(
  fold: RunFold,
  ref: PartitionRef,
  attemptId: string,
  now: string,
): records.Started | "fenced" {
  if (!current(fold, ref) || at(fold, ref.partition).status !== "leased") return "fenced";
  return { type: "started", at: now, partition: ref.partition, epoch: ref.epoch, attemptId };
}

/** running -> accepted. `accepted`: it was accepted already from this attempt; the first receipt stays. */
export function accept(
  fold: RunFold,
  receipt: Receipt,
  now: string,
): records.Accepted | records.Fenced | "accepted" {
  const { ref, attemptId } = receipt;
  const progress = at(fold, ref.partition);
  if (progress.attemptId === attemptId && progress.epoch === ref.epoch && progress.status === "accepted")
    return "accepted";
  if (current(fold, ref) && progress.status === "running" && progress.attemptId === attemptId)
    return { type: "accepted", at: now, receipt };
  return { type: "fenced", at: now, partition: ref.partition, epoch: ref.epoch, attemptId };
}

/**
 * leased, running -> pending, failed or poisoned. A started partition accepts failures from its own attempt
 * only.
 */
export function failAttempt(
  fold: RunFold,
  ref: PartitionRef,
  failure: AttemptFailure,
  now: string,
): records.AttemptFailed | "fenced" {
  const progress = at(fold, ref.partition);
  const mayFail =
    progress.status === "leased" ||
    (progress.status === "running" && progress.attemptId === failure.attemptId);
  if (!current(fold, ref) || !mayFail) return "fenced";
  return { type: "attempt-failed", at: now, partition: ref.partition, epoch: ref.epoch, failure };
}

/** failed, poisoned -> pending. */
export function revive(fold: RunFold, now: string): records.Revived {
  if (!isLeasable(fold))
    throw illegal(fold.run.id, "revive the failed partitions", `the run is ${fold.status}`);
  const givenUp = ({ status }: PartitionProgress) => status === "failed" || status === "poisoned";
  return { type: "revived", at: now, partitions: fold.partitions.filter(givenUp).length };
}

/** running -> publishing; a plan without partitions skips running. `publishing`: it was already. */
export function beginPublish(fold: RunFold, now: string): records.Publishing | "publishing" {
  if (fold.status === "publishing") return "publishing";
  const ready = fold.status === "running" || (fold.status === "planned" && fold.partitions.length === 0);
  if (!ready) throw illegal(fold.run.id, "publish the output", `the run is ${fold.status}`);
  const missing = fold.partitions.length - fold.acceptedPartitions;
  if (missing > 0)
    throw illegal(
      fold.run.id,
      "publish the output",
      `${missing} of ${fold.partitions.length} partitions are not accepted`,
      "Finish them first: nightshift retry",
    );
  return { type: "publishing", at: now, rows: rowsOf(fold.sums) };
}

/** publishing -> published. `published`: it was already, as this publication. */
export function complete(fold: RunFold, publication: number, now: string): records.Published | "published" {
  if (fold.status === "published" && fold.publication === publication) return "published";
  if (fold.status !== "publishing")
    throw illegal(fold.run.id, `record publication ${publication}`, `the run is ${fold.status}`);
  return { type: "published", at: now, publication, rows: rowsOf(fold.sums) };
}

/**
 * created, planned, running, publishing -> published, if the sink reports that a coordinator with another
 * ledger published it.
 */
export function adoptPublication(
  fold: RunFold,
  publication: number,
  now: string,
): records.Published | "published" {
  if (!isOpen(fold)) return complete(fold, publication, now);
  return { type: "published", at: now, publication, rows: rowsOf(fold.sums) };
}

/** created, planned, running, publishing -> failed. */
export function fail(fold: RunFold, error: ErrorRecord, now: string): records.RunFailed {
  if (!isActive(fold)) throw illegal(fold.run.id, "record the failure", `the run is ${fold.status}`);
  return { type: "failed", at: now, error };
}

/**
 * created, planned, running, publishing -> cancelled. While a publication is in progress, the sink decides
 * first.
 */
export function cancel(fold: RunFold, now: string): records.Plain<"cancelled"> {
  if (!isActive(fold)) throw illegal(fold.run.id, "cancel the rest", `the run is ${fold.status}`);
  return { type: "cancelled", at: now };
}

/** any unpublished status -> dropped. While publishing, the sink decides first. */
export function drop(fold: RunFold, now: string): records.Plain<"dropped"> {
  if (!isOpen(fold) && !isResumable(fold))
    throw illegal(fold.run.id, "drop the progress", `the run is ${fold.status}`);
  return { type: "dropped", at: now };
}

function current(fold: RunFold, ref: PartitionRef): boolean {
  return fold.status === "running" && at(fold, ref.partition).epoch === ref.epoch;
}
