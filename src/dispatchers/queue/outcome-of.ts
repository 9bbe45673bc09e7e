/** Derives the outcome of a dispatched partition from its state in the ledger. The queue is not asked. */
import { fromErrorRecord, InfraError, type NightshiftError, toErrorRecord } from "../../errors.js";
import type { AttemptFailure, PartitionRef, PartitionState, Receipt } from "../../job/partition.js";
import { claimLost } from "../../ledgers/refusals.js";

export type FollowedOutcome =
  | { readonly type: "started"; readonly ref: PartitionRef; readonly attemptId: string }
  | { readonly type: "accepted"; readonly ref: PartitionRef; readonly receipt: Receipt }
  | {
      readonly type: "failed";
      readonly ref: PartitionRef;
      readonly failure: AttemptFailure;
      readonly error: NightshiftError;
    }
  /** The ledger failed, or the queue failed permanently. */
  | { readonly type: "ledger-failed"; readonly error: unknown };

/** @returns `null` if nothing has changed */
export function outcomeOf(
  ref: PartitionRef,
  state: PartitionState,
  hasStarted: boolean,
): FollowedOutcome | null {
  const { status, epoch, attemptId, receipt, lastError } = state;
  // Only an owner leases partitions, so another process owns the run by now.
  if (epoch !== ref.epoch) return { type: "ledger-failed", error: claimLost(ref.runId) };
  switch (status) {
    case "leased":
      return null;
    case "running":
      return hasStarted || attemptId === null ? null : { type: "started", ref, attemptId };
    case "accepted":
      return receipt === null ? null : { type: "accepted", ref, receipt };
    case "pending":
    case "failed":
    case "poisoned": {
      const error = lastError === null ? handedBack() : fromErrorRecord(lastError);
      // The ledger has counted the attempt already.
      const failure = { attemptId: "", error: toErrorRecord(error), cost: "released", next: status } as const;
      return { type: "failed", ref, failure, error };
    }
  }
}

function handedBack(): InfraError {
  return new InfraError("infra.handed-back", "its worker was stopped and released it");
}
