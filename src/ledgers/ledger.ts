/**
 * The ledger is the truth about a run's progress. One method is one guarded transition, on the ledger's own clock; what
 * the guard refuses to an attempt is a result, not an error; a coordinator that asks for what the run's state does not
 * allow gets SpecError `refused.transition`. What is written under an outdated claim is refused with InfraError
 * `infra.claim-lost`. What a method returned is durable. After any other error of a write its outcome is unknown: read
 * back, never assume.
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

/** What people ask of processes that are at work, or will be: by anybody, without a claim. */
export interface Requests {
  /**
   * Asks the run's owner to stop and to cancel it; may be repeated. It is for the claim that holds now: whoever claims
   * the run later was not asked. @throws SpecError `refused.unknown-run`
   */
  requestCancel(runId: string): Promise<void>;
  /** Whether the owner by this claim was asked to cancel. Called by the owner twice a second, and before it publishes. */
  isCancelRequested(claim: Claim): Promise<boolean>;
  /**
   * Whether the run's last owner was asked to cancel it and did not come to it: the run has not ended, and nobody has
   * claimed it since. Called by who would go on with what a dead process left.
   */
  isCancelPending(runId: string): Promise<boolean>;
  /**
   * Asks that an unfinished run be gone on with, by whichever service has room; may be repeated. It stands until the run
   * has ended once more, or is taken back. @throws SpecError `refused.unknown-run`
   */
  requestRetry(runId: string): Promise<void>;
  /** Takes such a request back. Stops nobody who goes on with the run already; may be repeated. */
  withdrawRetry(runId: string): Promise<void>;
  /** Whether such a request stands. */
  isRetryRequested(runId: string): Promise<boolean>;
  /** Runs of which such a request stands, some of them worked on by now. */
  listRetries(): AsyncIterable<RunState>;
  /** Asks the backfills of a job that are under way to start no more intervals; may be repeated. */
  requestBackfillStop(jobName: string): Promise<void>;
  /** Names the last such request: a backfill is meant by those that were made after it began. `null`: none ever was. */
  lastBackfillStop(jobName: string): Promise<string | null>;
}

export interface Ledger extends Requests {
  /** Where it keeps its runs, for people: a directory, the address of a database. */
  readonly place: string;
  /** Once per run key; `exists` when there is one already. @throws SpecError `refused.run-id` */
  createRun(run: Run): Promise<"created" | "exists">;
  /**
   * Makes `owner` the run's one coordinator. Partitions that were leased or running become pending again and keep
   * their epoch; accepted ones stay. A failed or cancelled run is open again, one that was publishing still is.
   * @throws SpecError `refused.owner-alive` (alive on this host, or another host's without `takeOver`),
   * `refused.run-ended` (published or dropped), `refused.unknown-run`
   */
  claimRun(runId: string, owner: Owner, options: { readonly takeOver: boolean }): Promise<Claim>;
  /** Gives the claim back at the end of a process, so that anybody may claim next. Does nothing when it was lost. */
  releaseRun(claim: Claim): Promise<void>;

  /** created -> planned. Once: a plan is never replaced. One that broke off while it was streamed may be saved again. */
  savePlan(claim: Claim, plan: Plan, partitions: AsyncIterable<Partition>): Promise<void>;
  readPlan(runId: string): Promise<Plan | null>;
  /** pending -> leased, at epoch + 1. */
  leasePartition(claim: Claim, partition: number): Promise<PartitionRef>;
  loadTask(ref: PartitionRef): Promise<PartitionTask>;
  /** leased -> running. Compare-and-set: one start an epoch, so a message delivered twice starts once. */
  startAttempt(ref: PartitionRef, attemptId: string): Promise<"started" | "fenced">;
  /**
   * running -> accepted, for the attempt that was started at the current epoch and for no other. May be repeated after a
   * lost answer: `accepted` again, and the first receipt counts.
   */
  acceptReceipt(receipt: Receipt): Promise<"accepted" | "fenced">;
  /** leased or running -> pending, failed or poisoned. `fenced` when the epoch has moved on, or it is repeated. */
  recordFailure(ref: PartitionRef, failure: AttemptFailure): Promise<"recorded" | "fenced">;
  /** failed or poisoned -> pending, with attempts and deaths back at zero; for `retry`. */
  reviveFailed(claim: Claim): Promise<number>;

  /**
   * running -> publishing. Refused unless every partition is accepted; freezes the receipts and returns them in order.
   * May be repeated, also by the next owner. A plan without partitions goes from planned straight to publishing.
   */
  beginPublish(claim: Claim): Promise<readonly Receipt[]>;
  /** publishing -> published, once the sink says so. May be repeated. */
  completeRun(claim: Claim, publication: number): Promise<void>;
  /**
   * created, planned, running or publishing -> published: the sink's record says that a coordinator with another ledger
   * published this run. Partitions that are not accepted here stay so. May be repeated.
   */
  adoptPublication(claim: Claim, publication: number): Promise<void>;
  /** created, planned, running or publishing -> failed. */
  failRun(claim: Claim, error: ErrorRecord): Promise<void>;
  /** created, planned or running -> cancelled. publishing -> cancelled, too, once the sink has decided `abort`. */
  cancelRun(claim: Claim): Promise<void>;
  /**
   * The run is given up for good (`--restart`); its key's next generation may begin. Refused while publishing: the sink
   * decides first, and `failRun` records that an abort won.
   */
  dropRun(claim: Claim): Promise<void>;

  readRun(runId: string): Promise<RunState | null>;
  /** Newest first. */
  listRuns(filter?: RunFilter): AsyncIterable<RunState>;
  readPartition(runId: string, partition: number): Promise<PartitionState>;
  /** In plan order. */
  listPartitions(runId: string): AsyncIterable<PartitionState>;
  /** How many partitions stand where; what there is none of is left out. Quick, however many there are. */
  countPartitions(runId: string): Promise<PartitionCounts>;
  /** What happened so far, then what happens, until the run ends or the signal fires. */
  changes(runId: string, signal: AbortSignal): AsyncIterable<RunEvent>;
  close(): Promise<void>;
}

/**
 * A ledger that attempts on other machines report to. An attempt holds its partition by a lease on the ledger's clock,
 * and renews it; what was not renewed is given to somebody else.
 */
export interface SharedLedger extends Ledger {
  /** Brings small assets to workers that do not have them. */
  readonly assets: CollectedBlobStore;
  /** As `startAttempt`, for an attempt that renews its lease. */
  startLeased(ref: PartitionRef, attemptId: string, leaseMs: number): Promise<"started" | "fenced">;
  /** `fenced`: the partition is somebody else's by now, or nobody's; the attempt has no say any more. */
  renewAttempt(ref: PartitionRef, attemptId: string, leaseMs: number): Promise<"renewed" | "fenced">;
  /**
   * running -> pending where a lease has run out, which uses up no attempt; running -> poisoned where so many have run
   * out in a row. Called by the coordinator, again and again. Attempts that were started without a lease never expire.
   * @param maxExpiries without it, none is ever poisoned
   * @returns how many there were
   */
  expireLeases(claim: Claim, maxExpiries?: number): Promise<number>;
  /** Running partitions whose leases end first, for people who wait for them; at most three. */
  leaseEnds(runId: string): Promise<readonly LeaseEnd[]>;
  /** In plan order; of a run with many partitions, those that somebody waits for. */
  readPartitions(runId: string, partitions: readonly number[]): Promise<readonly PartitionState[]>;
  /** Says that a worker is there. Repeated by it before `forMs` is over; no promise of anything. */
  noteWorker(worker: WorkerNote, forMs: number): Promise<void>;
  /** It has ended as it should. */
  forgetWorker(id: string): Promise<void>;
  /** Workers that are there as far as anybody knows. */
  listWorkers(): Promise<readonly SeenWorker[]>;
  /**
   * Of partitions as somebody knows them, those that are not so any more, in plan order. Called by the coordinator, again
   * and again: most of what waits for workers still does.
   */
  readChanged(runId: string, known: readonly KnownPartition[]): Promise<readonly PartitionState[]>;
}

export interface LeaseEnd {
  readonly partition: number;
  /** On the ledger's clock, unless it is renewed; negative once it is over. */
  readonly leftMs: number;
}

/** How a worker describes itself, for people. */
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
  /** Id of a run: only those that were created before it. Of a run that there is not, none. */
  readonly before?: string;
}
