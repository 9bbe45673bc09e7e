import type { Channel } from "../job/lane.js";
import type { PartitionRef } from "../job/partition.js";

/**
 * Transports partition references from coordinators to workers. It may lose, duplicate or delay any of them:
 * the ledger is authoritative.
 */
export interface Queue {
  /** Location for messages; without secrets. */
  readonly place: string;
  /**
   * Adds references. References that are present already are not changed, so this may be repeated whenever
   * one may have been lost.
   */
  push(refs: readonly PartitionRef[], channel: Channel): Promise<void>;
  /**
   * Returns the next message of a channel, or `null`. It is not given to another worker while this process is
   * alive. Rejects if the queue cannot be reached; the implementation has reported the error by then.
   */
  take(channel: Channel): Promise<Message | null>;
  /**
   * Returns the number of messages that no worker has taken, by queue name: for the lanes that most jobs use,
   * for channels that this process uses, and for `more`.
   */
  pending(more?: readonly Channel[]): Promise<{ readonly [queue: string]: number }>;
  close(): Promise<void>;
}

export interface Message {
  /** `null` for a message that is not from Nightshift. */
  readonly ref: PartitionRef | null;
  /** Removes the message. Best effort: a message that is delivered again is outdated. */
  done(): void;
}
