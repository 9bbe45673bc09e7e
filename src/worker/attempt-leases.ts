/**
 * The leases of a worker's attempts. Leases are on the ledger's clock and are renewed after a third of their
 * duration. If renewal fails, the worker host ends itself after 0.8 of the lease, by its own clock and before
 * another worker may start the partition, also while this process is stopped.
 */

import type { PartitionRef } from "../job/partition.js";
import type { SharedLedger } from "../ledgers/ledger.js";
import type { Clock, Every } from "../time/clock.js";

export interface AttemptLeases {
  /**
   * Starts to hold a lease.
   * @param askedMs when the ledger was asked for the lease, which is the earliest time at which it can have
   * begun
   * @returns false if it is too late to begin, because this process was stopped meanwhile
   */
  hold(ref: PartitionRef, attemptId: string, askedMs: number): boolean;
  letGo(attemptId: string): void;
  /**
   * Whether the attempt may continue: the ledger has not refused it, and its lease has not run out on the
   * host's clock.
   */
  holds(attemptId: string): boolean;
  close(): void;
}

export interface AttemptLeasesOptions {
  readonly ledger: Pick<SharedLedger, "renewAttempt">;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly every: Every;
  /** Sets how long the worker host may live: see `WorkerHost.liveFor`. */
  readonly liveFor: (ms: number | null) => void;
  /** Called when the partition belongs to another worker. */
  readonly abandon: (attemptId: string) => void;
}

interface Held {
  readonly ref: PartitionRef;
  readonly untilMs: number;
}

const renewalsPerLease = 3;
const hostShare = 0.8;

export function attemptLeases(options: AttemptLeasesOptions): AttemptLeases {
  const { ledger, leaseMs, clock, liveFor } = options;
  const held = new Map<string, Held>();
  const stopRenewing = options.every(leaseMs / renewalsPerLease, () => {
    for (const [attemptId, { ref }] of held) void renew(ref, attemptId);
  });

  function hold(ref: PartitionRef, attemptId: string, askedMs: number): boolean {
    const untilMs = askedMs + leaseMs * hostShare;
    if (clock.monotonicMs() >= untilMs && !held.has(attemptId)) return false;
    held.set(attemptId, { ref, untilMs });
    tellHost();
    return true;
  }

  function letGo(attemptId: string): void {
    if (held.delete(attemptId)) tellHost();
  }

  function tellHost(): void {
    const ends = [...held.values()].map(({ untilMs }) => untilMs);
    liveFor(ends.length === 0 ? null : Math.max(0, Math.min(...ends) - clock.monotonicMs()));
  }

  /** A failed renewal is harmless: the next one follows, or the host ends itself. */
  async function renew(ref: PartitionRef, attemptId: string): Promise<void> {
    const askedMs = clock.monotonicMs();
    const answer = await ledger.renewAttempt(ref, attemptId, leaseMs).catch(() => null);
    if (answer === null || !held.has(attemptId)) return;
    if (answer === "renewed") return void hold(ref, attemptId, askedMs);
    letGo(attemptId);
    options.abandon(attemptId);
  }

  return {
    hold,
    letGo,
    holds: (attemptId) => clock.monotonicMs() < (held.get(attemptId)?.untilMs ?? -Infinity),
    close: stopRenewing,
  };
}
