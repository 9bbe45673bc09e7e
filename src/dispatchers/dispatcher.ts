import type { ErrorRecord, NightshiftError } from "../errors.js";
import type { PartitionRef, Receipt, Step } from "../job/partition.js";
import type { PartitionTask } from "../job/plan.js";
import type { HostDeath } from "../job/run-events.js";

/**
 * Sends partitions to the attempts that score them. A dispatcher may lose, duplicate or delay a ref at any
 * time: the ledger is authoritative, through the {@link AttemptReporter} that every dispatcher receives.
 */
export interface Dispatcher {
  /**
   * Called by the coordinator for every leased partition; may be repeated.
   * @param alone nothing else may run in the same host: the partition's last host died, and only a death
   * while it runs alone is attributed to it
   */
  enqueue(ref: PartitionRef, alone: boolean): Promise<void>;
  /** Maximum number of refs that are worth having in progress at once. */
  readonly capacity: number;
  /** Stops taking work, lets attempts end between chunks, and reports the others as released. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Runs attempts in this process's worker host, for a worker that takes partitions from a queue. */
export interface AttemptRunner extends Pick<Dispatcher, "drain" | "close"> {
  /** Runs one attempt; resolves when it has ended and was reported. Never rejects. */
  perform(ref: PartitionRef, alone: boolean): Promise<void>;
  /** Asks one attempt to stop between chunks, because its receipt would be refused. */
  abandon(attemptId: string): void;
}

export interface StartedAttempt {
  readonly task: PartitionTask;
  /** Error of the partition's last attempt. */
  readonly lastError: ErrorRecord | null;
}

/** Receives the reports of attempts. Called by dispatchers and workers; backed by the ledger. */
export interface AttemptReporter {
  /**
   * Called before anything is read. `fenced`: the epoch has changed or was started already, so the attempt
   * must not run.
   */
  start(ref: PartitionRef, attemptId: string): Promise<StartedAttempt | "fenced">;
  succeed(receipt: Receipt): Promise<"accepted" | "fenced">;
  fail(
    ref: PartitionRef,
    attemptId: string,
    error: NightshiftError,
    circumstance: Circumstance,
  ): Promise<void>;
  /** Number of rows scored so far by one attempt. For progress only; may be lost. */
  progress(ref: PartitionRef, rows: number, quarantined: number, step: Step | null): void;
  /** A worker host has died. Its partitions report separately. */
  hostDied(reason: string, cause: HostDeath, partitions: readonly number[]): void;
}

/**
 * How an attempt ended: by an error of its own; by the death of its host while other partitions ran there, or
 * while it ran alone; or by a request to stop.
 */
export type Circumstance = "error" | "host-died-shared" | "host-died-alone" | "released";
