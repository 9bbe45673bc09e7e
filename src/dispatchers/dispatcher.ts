import type { ErrorRecord, NightshiftError } from "../errors.js";
import type { PartitionRef, Receipt, Step } from "../job/partition.js";
import type { PartitionTask } from "../job/plan.js";
import type { HostDeath } from "../job/run-events.js";

/**
 * Brings partitions to whoever does them. A dispatcher may lose, double or delay a ref at any time: the ledger decides
 * what counts, through the {@link AttemptReporter} that every dispatcher is handed.
 */
export interface Dispatcher {
  /**
   * Called by the coordinator for every leased partition; may be repeated.
   * @param alone nothing else may run in the same host: its last host died, and only a death while alone is its own
   */
  enqueue(ref: PartitionRef, alone: boolean): Promise<void>;
  /** How many refs it is worth having under way at once. */
  readonly capacity: number;
  /** Stops taking work, lets attempts end between chunks, and reports the rest as released. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Does partitions in this process's worker host, for whoever takes them from a queue. */
export interface AttemptRunner extends Pick<Dispatcher, "drain" | "close"> {
  /** One attempt; resolves when it has ended and was reported. Never rejects. */
  perform(ref: PartitionRef, alone: boolean): Promise<void>;
  /** Asks one attempt to stop between chunks: whatever it brings would be refused. */
  abandon(attemptId: string): void;
}

export interface StartedAttempt {
  readonly task: PartitionTask;
  /** How the partition's last attempt failed. */
  readonly lastError: ErrorRecord | null;
}

/** Where attempts report. Called by dispatchers and workers; backed by the ledger. */
export interface AttemptReporter {
  /** Before anything is read. `fenced`: the epoch has moved on or was started already, so do nothing. */
  start(ref: PartitionRef, attemptId: string): Promise<StartedAttempt | "fenced">;
  succeed(receipt: Receipt): Promise<"accepted" | "fenced">;
  fail(
    ref: PartitionRef,
    attemptId: string,
    error: NightshiftError,
    circumstance: Circumstance,
  ): Promise<void>;
  /** Rows done so far by one attempt; for progress only, may be lost. */
  progress(ref: PartitionRef, rows: number, quarantined: number, step: Step | null): void;
  /** A worker host is gone. Its partitions report on their own. */
  hostDied(reason: string, cause: HostDeath, partitions: readonly number[]): void;
}

/**
 * How an attempt ended: by an error of its own; by the death of its host while others ran there, or while it was alone;
 * or because somebody asked it to stop.
 */
export type Circumstance = "error" | "host-died-shared" | "host-died-alone" | "released";
