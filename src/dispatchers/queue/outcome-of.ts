/** What a partition's state in the ledger says about the ref that was handed out: the queue is not asked. */
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
  /** The ledger itself, or the queue for good. */
  | { readonly type: "ledger-failed"; readonly error: unknown };

/** @returns `null` while there is nothing new */
export function outcomeOf(
  ref: PartitionRef,
  state: PartitionState,
  hasStarted: boolean,
): FollowedOutcome | null {
  const { status, epoch, attemptId, receipt, lastError } = state;
  // Only an owner leases: somebody else is it by now.
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
      // What it cost is counted in the ledger already.
      const failure = { attemptId: "", error: toErrorRecord(error), cost: "released", next: status } as const;
      return { type: "failed", ref, failure, error };
    }
  }
}

function handedBack(): InfraError {
  return new InfraError("infra.handed-back", "its worker was stopped, and handed it back");
}
