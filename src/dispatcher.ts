import type { PartitionRef } from "./partition.js";
import type { Progress } from "./run-events.js";

/**
 * Brings partitions to whoever does them. A dispatcher may lose, double or delay a ref at any time; the ledger decides
 * what counts. Outcomes are reported to the ledger, and a wake-up to the coordinator.
 */
export interface Dispatcher {
  /** Called by the coordinator for every leased partition; may be repeated. */
  enqueue(ref: PartitionRef): Promise<void>;
  /** How many refs it is worth having under way at once. */
  readonly capacity: number;
  /** Rows done so far by attempts under way, for progress only. */
  readonly progress: () => Pick<Progress, "rowsDone" | "limitingStep">;
  /** Stops taking work, lets attempts end between chunks, and hands the rest back as `released`. */
  drain(): Promise<void>;
  close(): Promise<void>;
}
