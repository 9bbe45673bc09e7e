/**
 * Sends partitions to workers over a queue, and reads their results from the ledger. The queue itself is not
 * a source of information: it may have lost, duplicated or delayed messages. Three steps are repeated:
 *
 * - **read**: the states of partitions in progress from the ledger; changes wake the coordinator;
 * - **reconcile**: references that no worker has started, as far as is known, are pushed again. The queue
 *   does not change the ones it has and gets back the ones it has lost;
 * - **expire**: attempts whose leases have run out are put back to pending, and so are leased again at a new
 *   epoch.
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
  /** The channel of its partitions. */
  readonly channel: Channel;
  readonly ledger: SharedLedger;
  readonly claim: Claim;
  readonly wake: (outcome: FollowedOutcome) => void;
  readonly clock: Clock;
  /** Resolves after that time, or earlier when the signal fires. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Called after every push: with its error, with a timeout, or with `null` on success. */
  readonly onTrouble: (error: Error | null) => void;
  /** No partition starts and no worker that would take it is running: called once, until one starts. */
  readonly onNoWorker?: (workers: readonly SeenWorker[]) => void;
  /**
   * Nothing has changed for a while: called once, until something does, with the leases that end first. If
   * there are none, no worker has started any waiting partition.
   */
  readonly onQuiet?: (quietMs: number, ends: readonly LeaseEnd[]) => void;
  /** Number of expired leases in a row after which a partition is poisoned. */
  readonly maxExpiries?: number;
  readonly timing?: Partial<DispatchTiming>;
}

export interface DispatchTiming {
  /** Maximum number of references in progress, including waiting ones. */
  readonly capacity: number;
  readonly readEveryMs: number;
  readonly reconcileEveryMs: number;
  readonly expireEveryMs: number;
  /** Interval of the check for workers while no partition starts. */
  readonly lookForWorkersEveryMs: number;
  /** A push that takes longer is reported as a queue failure; it continues to wait. */
  readonly pushTimeoutMs: number;
  /** Time without a change after which the user is informed about what the run waits for. */
  readonly quietAfterMs: number;
  /**
   * How long the run continues while the queue's server refuses calls for a reason that only an operator can
   * change.
   */
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

  /** One push at a time, so that calls do not accumulate while a queue does not answer. */
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

  /** Reports what the run waits for. A worker that died holds its partition for the rest of its lease. */
  async function tellQuiet(nowMs: number, hasChanged: boolean): Promise<void> {
    if (hasChanged) {
      changedMs = nowMs;
      isToldOfQuiet = false;
    }
    const quietMs = nowMs - changedMs;
    if (isToldOfQuiet || quietMs < timing.quietAfterMs || options.onQuiet === undefined) return;
    const ends = await ledger.leaseEnds(claim.runId);
    // If no suitable worker is running, that is reported instead.
    if (ends.length === 0) await lookForWorkers();
    if (ends.length === 0 && isToldOfNone) return;
    isToldOfQuiet = true;
    options.onQuiet(quietMs, ends);
  }

  /** Without this check, a run whose tag no worker has would wait without a message. */
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

  /**
   * Releases the partitions in progress: workers find their messages outdated, and their attempts are refused
   * at the next renewal.
   */
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
      // If the ledger fails here, the run's next owner puts the partitions back.
      await handBack().catch((error) => void asNightshiftError(error));
    },
    close: end,
  };
}

function known({ ref, hasStarted }: Followed): KnownPartition {
  return { index: ref.partition, epoch: ref.epoch, status: hasStarted ? "running" : "leased" };
}

function noAnswer(ms: number): InfraError {
  return new InfraError("infra.unreachable", `no answer for ${ms / 1000} s`);
}
