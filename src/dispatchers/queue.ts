import type { Channel } from "../job/lane.js";
import type { PartitionRef } from "../job/partition.js";

/**
 * Brings refs from coordinators to workers, and nothing else. It may lose, double or delay any of them, or all: what
 * counts is in the ledger.
 */
export interface Queue {
  /** For people; without secrets. */
  readonly place: string;
  /** Refs that are there already are left as they are, so this may be repeated whenever one may have been lost. */
  push(refs: readonly PartitionRef[], channel: Channel): Promise<void>;
  /**
   * The next message of a channel, if there is one. It is nobody else's as long as this process lives. Rejects where the
   * queue cannot be asked, which its own people have been told by then.
   */
  take(channel: Channel): Promise<Message | null>;
  /**
   * How many messages nobody has taken yet, by the name of what they wait in: of the lanes that most jobs use, of what this
   * process pushed to or takes from, and of `more`.
   */
  pending(more?: readonly Channel[]): Promise<{ readonly [queue: string]: number }>;
  close(): Promise<void>;
}

export interface Message {
  /** `null` for what is no message of Nightshift's. */
  readonly ref: PartitionRef | null;
  /** Forgets it. Best effort: one that comes again is outdated. */
  done(): void;
}
