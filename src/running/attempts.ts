/**
 * Handles the reports of attempts. Every dispatcher and worker reports here, and only this module decides
 * about retries.
 */
import type { AttemptReporter, Circumstance } from "../dispatchers/dispatcher.js";
import { type NightshiftError, toErrorRecord } from "../errors.js";
import type { AttemptFailure, PartitionRef, PartitionState, Receipt, Step } from "../job/partition.js";
import type { HostDeath, Refused } from "../job/run-events.js";
import type { Ledger } from "../ledgers/ledger.js";

/** Outcomes that wake the coordinator. */
export type AttemptOutcome =
  | { readonly type: "started"; readonly ref: PartitionRef; readonly attemptId: string }
  | {
      readonly type: "progress";
      readonly ref: PartitionRef;
      readonly rows: number;
      readonly quarantined: number;
      readonly step: Step | null;
    }
  | { readonly type: "accepted"; readonly ref: PartitionRef; readonly receipt: Receipt }
  | {
      readonly type: "fenced";
      readonly ref: PartitionRef;
      readonly attemptId: string;
      readonly refused: Refused;
    }
  | {
      readonly type: "failed";
      readonly ref: PartitionRef;
      readonly failure: AttemptFailure;
      readonly error: NightshiftError;
    }
  | {
      readonly type: "host-died";
      readonly reason: string;
      readonly cause: HostDeath;
      readonly partitions: readonly number[];
    }
  /** The ledger failed, or the queue failed permanently; the run cannot continue. */
  | { readonly type: "ledger-failed"; readonly error: unknown };

/** Deaths of a host that ran nothing else after which the partition counts as poisoned. */
const maxSoloDeaths = 3;

/**
 * Expired leases in a row after which the partition counts as poisoned: it crashes whole workers or machines.
 * Workers that die for other reasons, even one every few seconds, do not reach this number.
 */
export const maxExpiries = 10;

/** The part of the ledger that receives reports; a worker's starts are leased. */
export type AttemptLedger = Pick<
  Ledger,
  "startAttempt" | "loadTask" | "readPartition" | "acceptReceipt" | "recordFailure"
>;

export function ledgerReporter(
  ledger: AttemptLedger,
  wake: (outcome: AttemptOutcome) => void,
): AttemptReporter {
  const attempts = new Map<string, { readonly state: PartitionState; readonly maxAttempts: number }>();
  const orWake = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      wake({ type: "ledger-failed", error });
      throw error;
    }
  };
  return {
    async start(ref, attemptId) {
      const started = await orWake(ledger.startAttempt(ref, attemptId));
      if (started === "fenced") {
        wake({ type: "fenced", ref, attemptId, refused: "start" });
        return "fenced";
      }
      const task = await orWake(ledger.loadTask(ref));
      const state = await orWake(ledger.readPartition(ref.runId, ref.partition));
      attempts.set(attemptId, { state, maxAttempts: task.plan.job.limits.maxAttempts });
      wake({ type: "started", ref, attemptId });
      return { task, lastError: state.lastError };
    },

    async succeed(receipt) {
      const accepted = await orWake(ledger.acceptReceipt(receipt));
      attempts.delete(receipt.attemptId);
      wake(
        accepted === "accepted"
          ? { type: "accepted", ref: receipt.ref, receipt }
          : { type: "fenced", ref: receipt.ref, attemptId: receipt.attemptId, refused: "receipt" },
      );
      return accepted;
    },

    async fail(ref, attemptId, error, circumstance) {
      const known = attempts.get(attemptId);
      attempts.delete(attemptId);
      const failure = judge(attemptId, error, circumstance, known?.state ?? null, known?.maxAttempts ?? 1);
      const recorded = await orWake(ledger.recordFailure(ref, failure));
      wake(
        recorded === "recorded"
          ? { type: "failed", ref, failure, error }
          : { type: "fenced", ref, attemptId, refused: "failure" },
      );
    },

    progress(ref, rows, quarantined, step) {
      wake({ type: "progress", ref, rows, quarantined, step });
    },

    hostDied(reason, cause, partitions) {
      wake({ type: "host-died", reason, cause, partitions });
    },
  };
}

/**
 * Whether the partition's last host or worker died while it ran: the next host shows whether the partition
 * was the cause.
 */
export function mustRunAlone(lastError: { readonly code: string } | null): boolean {
  return lastError?.code === "infra.host-died" || lastError?.code === "infra.lease-expired";
}

/** Decides who is responsible for a failure, and the partition's next status. */
export function judge(
  attemptId: string,
  error: NightshiftError,
  circumstance: Circumstance,
  state: Pick<PartitionState, "attempts" | "soloDeaths"> | null,
  maxAttempts: number,
): AttemptFailure {
  const record = toErrorRecord(error);
  switch (circumstance) {
    case "released":
      return { attemptId, error: record, cost: "released", next: "pending" };
    case "host-died-shared":
      return { attemptId, error: record, cost: "host-death", next: "pending" };
    case "host-died-alone": {
      const deaths = (state?.soloDeaths ?? 0) + 1;
      return {
        attemptId,
        error: record,
        cost: "solo-death",
        next: deaths >= maxSoloDeaths ? "poisoned" : "pending",
      };
    }
    case "error": {
      const exhausted = (state?.attempts ?? 0) + 1 >= maxAttempts;
      return {
        attemptId,
        error: record,
        cost: "fault",
        next: error.retryable && !exhausted ? "pending" : "failed",
      };
    }
  }
}
