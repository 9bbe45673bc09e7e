/**
 * How a worker holds what it works on: leases on the ledger's clock, renewed at a third. Should renewing fail, the worker
 * host ends itself at 0.8 of the lease, by a clock of its own and before anybody else may begin: also while this process
 * is stopped.
 */

import type { PartitionRef } from "../job/partition.js";
import type { SharedLedger } from "../ledgers/ledger.js";
import type { Clock, Every } from "../time/clock.js";

export interface AttemptLeases {
  /**
   * @param askedMs when the ledger was asked for it: its lease began then at the earliest
   * @returns false where it is too late to begin: this process was stopped meanwhile
   */
  hold(ref: PartitionRef, attemptId: string, askedMs: number): boolean;
  letGo(attemptId: string): void;
  /** Whether it may still be worked on: the ledger has not refused it, and the host need not end itself for it. */
  holds(attemptId: string): boolean;
  close(): void;
}

export interface AttemptLeasesOptions {
  readonly ledger: Pick<SharedLedger, "renewAttempt">;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly every: Every;
  /** Tells the worker host how long it may live: see `WorkerHost.liveFor`. */
  readonly liveFor: (ms: number | null) => void;
  /** The partition is somebody else's. */
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

  /** One that fails is no harm: the next one comes, or the host ends itself. */
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
