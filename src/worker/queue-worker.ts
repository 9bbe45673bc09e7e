/**
 * A worker: takes messages from a queue, loads their tasks from the ledger, runs them in its worker host, and
 * reports to the ledger. A message only contains a reference; the ledger decides whether there is work to do.
 */

import type { AttemptReporter, AttemptRunner } from "../dispatchers/dispatcher.js";
import type { Queue } from "../dispatchers/queue.js";
import {
  asNightshiftError,
  CancelledError,
  fromErrorRecord,
  type NightshiftError,
  toErrorRecord,
} from "../errors.js";
import type { Channel } from "../job/lane.js";
import type { PartitionRef } from "../job/partition.js";
import type { PartitionTask } from "../job/plan.js";
import type { SharedLedger, WorkerNote } from "../ledgers/ledger.js";
import {
  type AttemptLedger,
  type AttemptOutcome,
  ledgerReporter,
  mustRunAlone,
} from "../running/attempts.js";
import type { Clock, Every } from "../time/clock.js";
import { type AttemptLeases, attemptLeases } from "./attempt-leases.js";
import { memoryRoom } from "./memory-room.js";
import { takeMessages } from "./take-messages.js";

export interface QueueWorkerParts {
  readonly queue: Queue;
  /** The channels that it takes partitions from. */
  readonly channels: readonly Channel[];
  readonly ledger: SharedLedger;
  readonly threads: number;
  readonly leaseMs: number;
  /** Bytes that decoding may use in all attempts together. */
  readonly memoryBytes: number;
  /** Name of this machine, for messages: an attempt that fails here may succeed on another machine. */
  readonly host: string;
  readonly clock: Clock;
  readonly every: Every;
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly runner: (reporter: AttemptReporter) => AttemptRunner;
  /**
   * Fetches the assets that this machine needs for the task.
   * @returns the task with the local paths of its assets
   * @throws NightshiftError if this machine cannot run the task
   */
  readonly admit: (task: PartitionTask) => Promise<PartitionTask>;
  readonly liveFor: (ms: number | null) => void;
  readonly tell: (event: WorkerEvent) => void;
  /** Description of the worker for `nightshift doctor`. */
  readonly note: WorkerNote;
}

export type WorkerEvent = AttemptOutcome | { readonly type: "outdated"; readonly ref: PartitionRef };

export interface QueueWorker {
  /** Resolves if the worker cannot take partitions until an operator acts. The caller should then stop it. */
  readonly refused: Promise<Error>;
  /**
   * Takes no new partitions, lets attempts finish for `graceMs`, then stops the rest between chunks and
   * releases their partitions.
   */
  stop(graceMs: number): Promise<void>;
}

/** A worker that has not reported for this long counts as gone. */
const helloForMs = 30_000;

export function startQueueWorker(parts: QueueWorkerParts): QueueWorker {
  const { ledger, leaseMs, tell } = parts;
  const busy = new Set<Promise<void>>();
  let isStopping = false;
  const leases = attemptLeases({
    ...parts,
    abandon: (attemptId) => runner.abandon(attemptId),
  });
  const reporter = leasedReporter(parts, leases, ledgerReporter(leased(ledger, leaseMs), tell));
  const runner = parts.runner(reporter);

  /** A message that is dropped here is not lost: the coordinator sends it again. */
  async function take(ref: PartitionRef): Promise<void> {
    if (isStopping) return;
    const [state] = await ledger.readPartitions(ref.runId, [ref.partition]);
    if (state?.epoch !== ref.epoch || state.status !== "leased") {
      tell({ type: "outdated", ref });
      return;
    }
    if (isStopping) return;
    const work = runner.perform(ref, mustRunAlone(state.lastError));
    busy.add(work);
    await work;
    busy.delete(work);
  }

  /** A failed report is harmless: the next one follows. */
  const sayHello = (): void => void ledger.noteWorker(parts.note, helloForMs).catch(() => undefined);
  sayHello();
  const stopHello = parts.every(helloForMs / 3, sayHello);
  let onRefused: (error: Error) => void = () => undefined;
  const refused = new Promise<Error>((resolve) => {
    onRefused = resolve;
  });
  const stopTaking = takeMessages({ ...parts, take, onRefused });
  return {
    refused,
    async stop(graceMs) {
      isStopping = true;
      stopTaking();
      if (busy.size > 0) await Promise.race([Promise.all(busy), parts.pause(graceMs)]);
      await runner.drain();
      leases.close();
      stopHello();
      await ledger.forgetWorker(parts.note.id).catch(() => undefined);
      parts.liveFor(null);
    },
  };
}

function leased(ledger: SharedLedger, leaseMs: number): AttemptLedger {
  return {
    startAttempt: (ref, attemptId) => ledger.startLeased(ref, attemptId, leaseMs),
    loadTask: (ref) => ledger.loadTask(ref),
    readPartition: (runId, partition) => ledger.readPartition(runId, partition),
    acceptReceipt: (receipt) => ledger.acceptReceipt(receipt),
    recordFailure: (ref, failure) => ledger.recordFailure(ref, failure),
  };
}

/** Reports like the plain reporter, and holds the partition's lease from its start to its last report. */
function leasedReporter(
  { clock, admit, host, memoryBytes }: QueueWorkerParts,
  leases: AttemptLeases,
  reporter: AttemptReporter,
): AttemptReporter {
  const unanswered = new Set<string>();
  const room = memoryRoom(memoryBytes);
  const letGo = (attemptId: string): void => {
    leases.letGo(attemptId);
    room.leave(attemptId);
  };
  return {
    ...reporter,
    async start(ref, attemptId) {
      const askedMs = clock.monotonicMs();
      const started = await reporter.start(ref, attemptId);
      if (started === "fenced") return started;
      const { task, lastError } = started;
      if (!leases.hold(ref, attemptId, askedMs)) {
        await reporter.fail(ref, attemptId, new CancelledError(), "released");
        return "fenced";
      }
      try {
        const admitted = await admit(task);
        await room.enter(attemptId, task.partition.peakBytes);
        // An attempt whose lease ran out while it waited for memory does not begin either.
        if (!leases.holds(attemptId)) throw new CancelledError();
        return { task: admitted, lastError };
      } catch (thrown) {
        await reporter
          .fail(
            ref,
            attemptId,
            seenOn(host, asNightshiftError(thrown)),
            leases.holds(attemptId) ? "error" : "released",
          )
          .finally(() => letGo(attemptId));
        return "fenced";
      }
    },

    async succeed(receipt) {
      try {
        const answer = await reporter.succeed(receipt);
        letGo(receipt.attemptId);
        return answer;
      } catch (error) {
        unanswered.add(receipt.attemptId);
        throw error;
      }
    },

    async fail(ref, attemptId, error, circumstance) {
      // Neither a ledger that did not answer nor a lease that ran out for that reason is the partition's
      // fault.
      const isOurs = unanswered.delete(attemptId) || !leases.holds(attemptId);
      try {
        await reporter.fail(ref, attemptId, seenOn(host, error), isOurs ? "released" : circumstance);
      } finally {
        letGo(attemptId);
      }
    },
  };
}

function seenOn(host: string, error: NightshiftError): NightshiftError {
  const record = toErrorRecord(error);
  return fromErrorRecord({
    ...record,
    message: `On ${host}: ${record.message}`,
    details: { ...record.details, host },
  });
}
