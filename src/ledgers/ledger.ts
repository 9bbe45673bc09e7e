/**
 * The ledger is authoritative for a run's progress. One method is one guarded transition, on the ledger's own
 * clock. If the guard refuses an attempt, that is a result, not an error; a coordinator that requests a
 * transition that the run's state does not allow gets SpecError `refused.transition`. Writes under an
 * outdated claim are refused with InfraError `infra.claim-lost`. When a method returns, its effect is
 * durable. After any other error of a write its outcome is unknown: read back, never assume.
 */
import type { CollectedBlobStore } from "../assets/blob-store.js";
import type { ErrorRecord } from "../errors.js";
import type { Lane } from "../job/lane.js";
import type {
  AttemptFailure,
  Partition,
  PartitionRef,
  PartitionState,
  PartitionStatus,
  Receipt,
} from "../job/partition.js";
import type { PartitionTask, Plan } from "../job/plan.js";
import type { Claim, Owner, Run, RunState, RunStatus } from "../job/run.js";
import type { RunEvent } from "../job/run-events.js";

/** Requests of users to running or future processes. They need no claim. */
export interface Requests {
  /**
   * Asks the run's owner to stop and to cancel it. May be repeated. Applies to the current claim only, not to
   * later claims. @throws SpecError `refused.unknown-run`
   */
  requestCancel(runId: string): Promise<void>;
  /**
   * Returns whether the owner by this claim was asked to cancel. The owner calls it twice a second and before
   * it publishes.
   */
  isCancelRequested(claim: Claim): Promise<boolean>;
  /**
   * Returns whether the run's last owner was asked to cancel it and did not do so: the run has not ended, and
   * it has not been claimed since. Called before resuming the work of a dead process.
   */
  isCancelPending(runId: string): Promise<boolean>;
  /**
   * Asks any service with free capacity to resume an unfinished run. May be repeated. The request stays until
   * the run has ended again or the request is withdrawn. @throws SpecError `refused.unknown-run`
   */
  requestRetry(runId: string): Promise<void>;
  /**
   * Withdraws a retry request. It does not stop a process that has resumed the run already. May be repeated.
   */
  withdrawRetry(runId: string): Promise<void>;
  /** Returns whether the run has a pending retry request. */
  isRetryRequested(runId: string): Promise<boolean>;
  /** Yields the runs with pending retry requests. Some may have been resumed by now. */
  listRetries(): AsyncIterable<RunState>;
  /** Asks the running backfills of a job to start no more intervals. May be repeated. */
  requestBackfillStop(jobName: string): Promise<void>;
  /**
   * Returns an id of the last stop request, or `null` if there was none. A backfill obeys only requests made
   * after it began.
   */
  lastBackfillStop(jobName: string): Promise<string | null>;
}

export interface Ledger extends Requests {
  /** Location of the ledger for messages: a directory, or the address of a database. */
  readonly place: string;
  /**
   * Creates a run. A run key exists once; `exists` if it exists already. @throws SpecError `refused.run-id`
   */
  createRun(run: Run): Promise<"created" | "exists">;
  /**
   * Makes `owner` the run's only coordinator. Partitions that were leased or running become pending again and
   * keep their epoch; accepted ones stay. A failed or cancelled run is reopened; a publishing run stays
   * publishing.
   * @throws SpecError `refused.owner-alive` (alive on this host, or on another host without `takeOver`),
   * `refused.run-ended` (published or dropped), `refused.unknown-run`
   */
  claimRun(runId: string, owner: Owner, options: { readonly takeOver: boolean }): Promise<Claim>;
  /**
   * Releases the claim at the end of a process, so that another process may claim the run. No effect if the
   * claim was lost.
   */
  releaseRun(claim: Claim): Promise<void>;

  /**
   * created -> planned. Once: a plan is never replaced. A plan whose streaming was interrupted may be saved
   * again.
   */
  savePlan(claim: Claim, plan: Plan, partitions: AsyncIterable<Partition>): Promise<void>;
  readPlan(runId: string): Promise<Plan | null>;
  /** pending -> leased, at epoch + 1. */
  leasePartition(claim: Claim, partition: number): Promise<PartitionRef>;
  loadTask(ref: PartitionRef): Promise<PartitionTask>;
  /**
   * leased -> running. Compare-and-set: one start for each epoch, so a message that is delivered twice starts
   * one attempt.
   */
  startAttempt(ref: PartitionRef, attemptId: string): Promise<"started" | "fenced">;
  /**
   * running -> accepted, only for the attempt that was started in the current epoch. May be repeated after a
   * lost answer: it returns `accepted` again, and the first receipt stays.
   */
  acceptReceipt(receipt: Receipt): Promise<"accepted" | "fenced">;
  /**
   * leased or running -> pending, failed or poisoned. `fenced` if the epoch has changed or the call is
   * repeated.
   */
  recordFailure(ref: PartitionRef, failure: AttemptFailure): Promise<"recorded" | "fenced">;
  /** failed or poisoned -> pending, with attempts and deaths reset to zero. Called by `retry`. */
  reviveFailed(claim: Claim): Promise<number>;

  /**
   * running -> publishing. Refused unless every partition is accepted. Freezes the receipts and returns them
   * in order. May be repeated, also by the next owner. A plan without partitions goes directly from planned
   * to publishing.
   */
  beginPublish(claim: Claim): Promise<readonly Receipt[]>;
  /** publishing -> published, after the sink has committed. May be repeated. */
  completeRun(claim: Claim, publication: number): Promise<void>;
  /**
   * created, planned, running or publishing -> published: the sink's record shows that a coordinator with
   * another ledger published this run. Partitions that are not accepted here stay so. May be repeated.
   */
  adoptPublication(claim: Claim, publication: number): Promise<void>;
  /** created, planned, running or publishing -> failed. */
  failRun(claim: Claim, error: ErrorRecord): Promise<void>;
  /**
   * created, planned or running -> cancelled. Also publishing -> cancelled, after the sink has decided
   * `abort`.
   */
  cancelRun(claim: Claim): Promise<void>;
  /**
   * Drops the run permanently (`--restart`); the next generation of its key may begin. Refused while
   * publishing: the sink decides first, and `failRun` records that an abort won.
   */
  dropRun(claim: Claim): Promise<void>;

  /** The highest generation that a job and scope ever had, those of forgotten runs included; 0: none. */
  lastGeneration(jobId: string, scope: string): Promise<number>;
  /**
   * Removes everything that is recorded of these runs, but for their generations, which are never given again. What they
   * published stays. Runs that are neither published nor dropped are left as they are. May be repeated.
   */
  forgetRuns(runIds: readonly string[]): Promise<void>;

  readRun(runId: string): Promise<RunState | null>;
  /** Newest first. */
  listRuns(filter?: RunFilter): AsyncIterable<RunState>;
  readPartition(runId: string, partition: number): Promise<PartitionState>;
  /** In plan order. */
  listPartitions(runId: string): AsyncIterable<PartitionState>;
  /**
   * Counts partitions by status; statuses with a count of 0 are omitted. Fast regardless of the number of
   * partitions.
   */
  countPartitions(runId: string): Promise<PartitionCounts>;
  /** Yields past events, then new ones, until the run ends or the signal fires. */
  changes(runId: string, signal: AbortSignal): AsyncIterable<RunEvent>;
  close(): Promise<void>;
}

/**
 * A ledger that attempts on other machines report to. An attempt holds its partition by a lease on the
 * ledger's clock and renews it; a partition whose lease has run out is given to another worker.
 */
export interface SharedLedger extends Ledger {
  /** Stores small assets for workers that do not have them. */
  readonly assets: CollectedBlobStore;
  /** Like `startAttempt`, for an attempt that renews its lease. */
  startLeased(ref: PartitionRef, attemptId: string, leaseMs: number): Promise<"started" | "fenced">;
  /** `fenced`: the attempt no longer holds the partition and must stop. */
  renewAttempt(ref: PartitionRef, attemptId: string, leaseMs: number): Promise<"renewed" | "fenced">;
  /**
   * running -> pending for partitions whose lease has run out, which does not use up an attempt; running ->
   * poisoned after `maxExpiries` expired leases in a row. The coordinator calls it periodically. Attempts
   * that were started without a lease never expire.
   * @param maxExpiries without it, no partition is poisoned
   * @returns the number of expired leases
   */
  expireLeases(claim: Claim, maxExpiries?: number): Promise<number>;
  /** Returns the running partitions whose leases end first, at most three, for users who wait for them. */
  leaseEnds(runId: string): Promise<readonly LeaseEnd[]>;
  /**
   * Returns the given partitions in plan order. For large runs, callers pass only the partitions they wait
   * for.
   */
  readPartitions(runId: string, partitions: readonly number[]): Promise<readonly PartitionState[]>;
  /**
   * Records that a worker is running. The worker repeats the call before `forMs` has passed. It has no effect
   * on partitions.
   */
  noteWorker(worker: WorkerNote, forMs: number): Promise<void>;
  /** Removes a worker that has ended normally. */
  forgetWorker(id: string): Promise<void>;
  /** Returns the workers that are running according to their last report. */
  listWorkers(): Promise<readonly SeenWorker[]>;
  /**
   * Returns those partitions whose state differs from the state that the caller knows, in plan order. The
   * coordinator calls it periodically, while most partitions still wait for workers.
   */
  readChanged(runId: string, known: readonly KnownPartition[]): Promise<readonly PartitionState[]>;
}

export interface LeaseEnd {
  readonly partition: number;
  /** Time left on the ledger's clock if the lease is not renewed; negative after its end. */
  readonly leftMs: number;
}

/** Description that a worker gives of itself, for display. */
export interface WorkerNote {
  /** A UUID. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly threads: number;
  readonly tags: readonly string[];
  readonly lanes: readonly Lane[];
}

export interface SeenWorker extends WorkerNote {
  readonly heardSecondsAgo: number;
}

export type KnownPartition = Pick<PartitionState, "index" | "epoch" | "status">;

export type PartitionCounts = { readonly [status in PartitionStatus]?: number };

export interface RunFilter {
  readonly jobId?: string;
  readonly scope?: string;
  readonly jobName?: string;
  readonly trigger?: Run["trigger"];
  readonly statuses?: readonly RunStatus[];
  /** Run id: only runs that were created before it. If the run does not exist, the result is empty. */
  readonly before?: string;
}
