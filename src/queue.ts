import type { PartitionRef } from "./partition.js";

/**
 * Brings refs from coordinators to workers, and nothing else. It may lose, double or delay any of them, or all: what
 * counts is in the ledger.
 */
export interface Queue {
  /** For people; without secrets. */
  readonly place: string;
  /** Refs that are there already are left as they are, so this may be repeated whenever one may have been lost. */
  push(refs: readonly PartitionRef[]): Promise<void>;
  /** How many messages nobody has taken yet, by the name of what they wait in. */
  pending(): Promise<{ readonly [queue: string]: number }>;
  /** Takes messages from now on, `atOnce` at a time, each until `take` has resolved. */
  consume(atOnce: number, take: (ref: PartitionRef) => Promise<void>): Consumer;
  close(): Promise<void>;
}

export interface Consumer {
  /** Takes nothing new; what was taken goes on. */
  pause(): Promise<void>;
}
