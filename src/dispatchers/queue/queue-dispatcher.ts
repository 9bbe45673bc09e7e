/**
 * Hands partitions to workers over a queue, and follows the ledger to see what became of them. From the queue it learns
 * nothing: it may have lost, doubled or delayed what it was given. Three things are done again and again:
 *
 * - **read**: where the partitions under way stand in the ledger, which is what the coordinator is woken up for;
 * - **reconcile**: what is still leased, as far as is known, so that no worker has begun with it, is pushed again. The queue leaves alone what
 *   it has; what it has lost is there again;
 * - **expire**: attempts whose workers let their leases run out are put back, and so leased at a new epoch.
 */

import { asNightshiftError, CancelledError, InfraError, toErrorRecord } from "../../errors.js";
import type { Channel } from "../../job/lane.js";
import type { PartitionRef, PartitionState } from "../../job/partition.js";
import type { Claim } from "../../job/run.js";
import type { KnownPartition, LeaseEnd, SeenWorker, SharedLedger } from "../../ledgers/ledger.js";
import type { Clock } from "../../time/clock.js";
import type { Dispatcher } from "../dispatcher.js";
import type { Queue } from "../queue.js";
import { isQueueRefused, refusedForMs } from "../refusals.js";
import { type FollowedOutcome, outcomeOf } from "./outcome-of.js";

export interface QueueDispatcherOptions {
  readonly queue: Queue;
  /** Where its partitions wait. */
  readonly channel: Channel;
  readonly ledger: SharedLedger;
  readonly claim: Claim;
  readonly wake: (outcome: FollowedOutcome) => void;
  readonly clock: Clock;
  /** Resolves after that time, or sooner when the signal fires. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told of every push: that it failed, is late, or (`null`) was taken. */
  readonly onTrouble: (error: Error | null) => void;
  /** Nothing begins, and no worker is there that would take it: told once, until something does. */
  readonly onNoWorker?: (workers: readonly SeenWorker[]) => void;
  /**
   * Nothing has changed for a while: called once, until something does, with the leases that end first; none: no worker
   * has begun with what waits in the queue.
   */
  readonly onQuiet?: (quietMs: number, ends: readonly LeaseEnd[]) => void;
  /** Leases that run out in a row, until a partition is given up. */
  readonly maxExpiries?: number;
  readonly timing?: Partial<DispatchTiming>;
}

export interface DispatchTiming {
  /** Refs under way at once, waiting ones included. */
  readonly capacity: number;
  readonly readEveryMs: number;
  readonly reconcileEveryMs: number;
  readonly expireEveryMs: number;
  /** Whether anybody is there, while nothing begins. */
  readonly lookForWorkersEveryMs: number;
  /** Past it the queue counts as away; a push goes on waiting all the same. */
  readonly pushTimeoutMs: number;
  /** After which people are told what is waited for. */
  readonly quietAfterMs: number;
  /** How long the run goes on while the queue's server refuses what only a person can change. */
  readonly refusedForMs: number;
}

const usualTiming: DispatchTiming = {
  capacity: 256,
  readEveryMs: 100,
  reconcileEveryMs: 5_000,
  expireEveryMs: 1_000,
  lookForWorkersEveryMs: 10_000,
  pushTimeoutMs: 5_000,
  quietAfterMs: 10_000,
  refusedForMs,
};

interface Followed {
  readonly ref: PartitionRef;
  hasStarted: boolean;
}

export function queueDispatcher(options: QueueDispatcherOptions): Dispatcher {
  const { queue, channel, ledger, claim, wake, clock, pause, onTrouble } = options;
  const timing = { ...usualTiming, ...options.timing };
  const followed = new Map<number, Followed>();
  const unsent: PartitionRef[] = [];
  const stop = new AbortController();
  let pushing: Promise<void> | null = null;
  let following: Promise<void> | null = null;
  let isToldOfNone = false;
  let changedMs = clock.monotonicMs();
  let isToldOfQuiet = false;
  let refusedSinceMs: number | null = null;

  /** One push at a time: while a queue does not answer, nothing piles up behind it. */
  function push(refs: readonly PartitionRef[]): void {
    if (refs.length === 0 || pushing !== null) return;
    const late = setTimeout(() => onTrouble(noAnswer(timing.pushTimeoutMs)), timing.pushTimeoutMs);
    pushing = queue
      .push(refs, channel)
      .then(() => {
        refusedSinceMs = null;
        onTrouble(null);
      })
      .catch(noteRefused)
      .finally(() => {
        clearTimeout(late);
        pushing = null;
      });
  }

  function noteRefused(error: Error): void {
    onTrouble(error);
    if (!isQueueRefused(error)) {
      refusedSinceMs = null;
      return;
    }
    const nowMs = clock.monotonicMs();
    refusedSinceMs ??= nowMs;
    if (nowMs - refusedSinceMs >= timing.refusedForMs) wake({ type: "ledger-failed", error });
  }

  async function follow(): Promise<void> {
    const startedMs = clock.monotonicMs();
    let [reconciledMs, expiredMs, lookedMs] = [startedMs, startedMs, startedMs];
    try {
      while (!stop.signal.aborted) {
        if (unsent.length > 0 && pushing === null) push(unsent.splice(0));
        await pause(timing.readEveryMs, stop.signal);
        if (stop.signal.aborted || followed.size === 0) continue;
        const nowMs = clock.monotonicMs();
        if (nowMs - expiredMs >= timing.expireEveryMs) {
          expiredMs = nowMs;
          await ledger.expireLeases(claim, options.maxExpiries);
        }
        const changed = await ledger.readChanged(claim.runId, [...followed.values()].map(known));
        for (const state of changed) note(state);
        await tellQuiet(nowMs, changed.length > 0);
        if (nowMs - reconciledMs >= timing.reconcileEveryMs) {
          reconciledMs = nowMs;
          push([...followed.values()].flatMap(({ ref, hasStarted }) => (hasStarted ? [] : [ref])));
        }
        if (nowMs - lookedMs >= timing.lookForWorkersEveryMs) {
          lookedMs = nowMs;
          await lookForWorkers();
        }
      }
    } catch (error) {
      if (!stop.signal.aborted) wake({ type: "ledger-failed", error });
    }
  }

  /** A worker that died holds its partition for the rest of its lease. */
  async function tellQuiet(nowMs: number, hasChanged: boolean): Promise<void> {
    if (hasChanged) {
      changedMs = nowMs;
      isToldOfQuiet = false;
    }
    const quietMs = nowMs - changedMs;
    if (isToldOfQuiet || quietMs < timing.quietAfterMs || options.onQuiet === undefined) return;
    const ends = await ledger.leaseEnds(claim.runId);
    // Where no worker is there that could, that is told instead.
    if (ends.length === 0) await lookForWorkers();
    if (ends.length === 0 && isToldOfNone) return;
    isToldOfQuiet = true;
    options.onQuiet(quietMs, ends);
  }

  /** A run whose tag nobody has would wait in silence. */
  async function lookForWorkers(): Promise<void> {
    const hasBegun = [...followed.values()].some(({ hasStarted }) => hasStarted);
    if (hasBegun || isToldOfNone) return;
    const workers = await ledger.listWorkers();
    if (workers.some(({ tags, lanes }) => tags.includes(channel.tag) && lanes.includes(channel.lane))) return;
    isToldOfNone = true;
    options.onNoWorker?.(workers);
  }

  function note(state: PartitionState): void {
    const entry = followed.get(state.index);
    if (entry === undefined) return;
    const outcome = outcomeOf(entry.ref, state, entry.hasStarted);
    if (outcome === null) return;
    if (outcome.type === "started") isToldOfNone = false;
    if (outcome.type === "started") entry.hasStarted = true;
    else followed.delete(state.index);
    wake(outcome);
  }

  /** What nobody may go on with: workers find their messages outdated, and their attempts refused at the next renewal. */
  async function handBack(): Promise<void> {
    if (followed.size === 0) return;
    for (const { index, status, epoch, attemptId } of await ledger.readPartitions(claim.runId, [
      ...followed.keys(),
    ])) {
      const ref = followed.get(index)?.ref;
      if (ref === undefined || ref.epoch !== epoch || (status !== "leased" && status !== "running")) continue;
      await ledger.recordFailure(ref, {
        attemptId: attemptId ?? "",
        error: toErrorRecord(new CancelledError()),
        cost: "released",
        next: "pending",
      });
    }
    followed.clear();
  }

  async function end(): Promise<void> {
    stop.abort();
    await following;
  }

  return {
    capacity: timing.capacity,
    async enqueue(ref) {
      followed.set(ref.partition, { ref, hasStarted: false });
      unsent.push(ref);
      following ??= follow();
    },
    async drain() {
      await end();
      // A ledger that fails here has them put back by the run's next owner.
      await handBack().catch((error) => void asNightshiftError(error));
    },
    close: end,
  };
}

function known({ ref, hasStarted }: Followed): KnownPartition {
  return { index: ref.partition, epoch: ref.epoch, status: hasStarted ? "running" : "leased" };
}

function noAnswer(ms: number): InfraError {
  return new InfraError("infra.unreachable", `nothing came for ${ms / 1000} s`);
}
