/**
 * The ledger is the truth about a run's progress. One method is one guarded transition, on the ledger's own clock; what
 * the guard refuses is a result, not an error. What is written under an outdated claim is refused with InfraError
 * `infra.claim-lost`.
 */
import type { ErrorRecord } from "./errors.js";
import type { AttemptFailure, Partition, PartitionRef, PartitionState, Receipt } from "./partition.js";
import type { PartitionTask, Plan } from "./plan.js";
import type { Claim, Owner, Run, RunState } from "./run.js";
import type { RunEvent } from "./run-events.js";

export interface Ledger {
  /** Once per run key; `exists` when another process was first. */
  createRun(run: Run): Promise<"created" | "exists">;
  /**
   * Makes `owner` the run's one coordinator. Partitions that were leased or running become pending again and keep
   * their epoch; accepted ones stay. @throws SpecError `refused.owner-alive` (alive on this host, or another host's without `takeOver`)
   */
  claimRun(runId: string, owner: Owner, options: { readonly takeOver: boolean }): Promise<Claim>;
  /** Gives the claim back at the end of a process, so that anybody may claim next. */
  releaseRun(claim: Claim): Promise<void>;

  /** created -> planned. Once: a plan is never replaced. */
  savePlan(claim: Claim, plan: Plan, partitions: AsyncIterable<Partition>): Promise<void>;
  readPlan(runId: string): Promise<Plan | null>;
  /** pending -> leased, at epoch + 1. */
  leasePartition(claim: Claim, partition: number): Promise<PartitionRef>;
  loadTask(ref: PartitionRef): Promise<PartitionTask>;
  /** leased -> running. Compare-and-set: one start an epoch, so a message delivered twice starts once. */
  startAttempt(ref: PartitionRef, attemptId: string): Promise<"started" | "fenced">;
  /** running -> accepted, for the attempt that was started at the current epoch and for no other. Durable when it returns. */
  acceptReceipt(receipt: Receipt): Promise<"accepted" | "fenced">;
  /** leased or running -> pending, failed or poisoned. `fenced` when the epoch has moved on. */
  recordFailure(ref: PartitionRef, failure: AttemptFailure): Promise<"recorded" | "fenced">;
  /** failed or poisoned -> pending, with attempts and deaths back at zero; for `retry`. */
  reviveFailed(claim: Claim): Promise<number>;

  /** running -> publishing. Refused unless every partition is accepted; freezes the receipts and returns them in order. */
  beginPublish(claim: Claim): Promise<readonly Receipt[]>;
  completeRun(claim: Claim, publication: number): Promise<void>;
  failRun(claim: Claim, error: ErrorRecord): Promise<void>;
  cancelRun(claim: Claim): Promise<void>;
  /** The run is given up for good (`--restart`); its key's next generation may begin. */
  dropRun(claim: Claim): Promise<void>;

  readRun(runId: string): Promise<RunState | null>;
  /** Newest first. */
  listRuns(filter?: RunFilter): AsyncIterable<RunState>;
  readPartition(runId: string, partition: number): Promise<PartitionState>;
  /** In plan order. */
  listPartitions(runId: string): AsyncIterable<PartitionState>;
  /** What happened so far, then what happens, until the run ends or the signal fires. */
  changes(runId: string, signal: AbortSignal): AsyncIterable<RunEvent>;
  close(): Promise<void>;
}

export interface RunFilter {
  readonly jobId?: string;
  readonly scope?: string;
  readonly jobName?: string;
}
