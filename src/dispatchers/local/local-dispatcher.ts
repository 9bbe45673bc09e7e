/**
 * Runs partitions on this machine: a queue in memory before one worker host, which is replaced when it dies.
 */

import { asNightshiftError, CancelledError, type NightshiftError } from "../../errors.js";
import type { WorkerHost } from "../../host/host.js";
import type { PartitionRef } from "../../job/partition.js";
import type { HostDeath } from "../../job/run-events.js";
import type { NewId } from "../../time/clock.js";
import type { AttemptReporter, AttemptRunner, Circumstance, Dispatcher } from "../dispatcher.js";
import { killersOf } from "./find-killers.js";

/** A host that holds more than this share of its memory limit takes no further partition. */
const usualShare = 0.7;
/** The same limit after planning and before the first partition, which uses no memory of the planning. */
const plannedShare = 0.4;
/**
 * The share after a host was stopped for its memory: it started its last partition with too much, so later
 * hosts are replaced before they hold as much.
 */
const learnedShare = 0.95;

export interface LocalDispatcherOptions {
  readonly threads: number;
  /** Returns a living host, a new one if the last one died. Owned by the caller. */
  readonly host: () => WorkerHost;
  readonly reporter: AttemptReporter;
  readonly newId: NewId;
}

interface Waiting {
  readonly ref: PartitionRef;
  readonly alone: boolean;
  readonly ended?: () => void;
}

export function localDispatcher(options: LocalDispatcherOptions): Dispatcher & AttemptRunner {
  const { reporter } = options;
  const waiting: Waiting[] = [];
  const running = new Map<Promise<void>, PartitionRef>();
  /** Stop signals by attempt id. */
  const stops = new Map<string, AbortController>();
  let isStopping = false;
  const dead = new WeakSet<WorkerHost>();
  let exclusive = false;
  const rotation = hostRotation();
  /** Closing of the previous host: two hosts at a time would need twice the memory. */
  let replaced: Promise<void> = Promise.resolve();

  /**
   * Starts waiting partitions in order of arrival, in a host that has memory left: up to `threads` together,
   * or one that must run alone after the others have ended. Partitions behind that one wait too; otherwise a
   * steady stream of partitions would delay it without limit.
   */
  function pump(): void {
    while (!isStopping && !exclusive && running.size < options.threads) {
      const [next] = waiting;
      if (next === undefined || (next.alone && running.size > 0)) return;
      const isSpent = rotation.isSpent(options.host(), next.alone);
      if (isSpent && running.size > 0) return;
      waiting.shift();
      // Another run of this process may be planning or joining files in the same host.
      if (isSpent && options.host().isIdle()) replaced = options.host().close();
      exclusive = next.alone;
      const attempt: Promise<void> = runAttempt(next).finally(() => {
        running.delete(attempt);
        if (next.alone) exclusive = false;
        next.ended?.();
        pump();
      });
      running.set(attempt, next.ref);
    }
  }

  async function runAttempt({ ref, alone }: Waiting): Promise<void> {
    const attemptId = options.newId();
    const stop = new AbortController();
    stops.set(attemptId, stop);
    // The reporter notifies the coordinator if the ledger fails; no other caller needs to know.
    await attemptOnce(ref, attemptId, alone, stop.signal).catch(() => undefined);
    stops.delete(attemptId);
  }

  async function attemptOnce(
    ref: PartitionRef,
    attemptId: string,
    alone: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const started = await reporter.start(ref, attemptId);
    if (started === "fenced") return;
    await replaced;
    const { task } = started;
    // After this time the host is killed, and with it the attempt.
    const deadlineMs = task.plan.job.limits.partitionTimeoutMs;
    let host = options.host();
    rotation.started(host);
    try {
      const killers = await killersOf(started, alone, (search) => {
        host = options.host();
        rotation.started(host);
        return host.call("search", { task, attemptId, search }, { signal, deadlineMs });
      });
      const receipt = await host.call(
        "partition",
        { task, attemptId, notesRows: alone, killers },
        {
          signal,
          deadlineMs,
          onItem: ({ rows, quarantined, step }) => reporter.progress(ref, rows, quarantined, step),
        },
      );
      rotation.ended(host);
      await reporter.succeed(receipt);
    } catch (thrown) {
      const error = asNightshiftError(thrown);
      if (isHostGone(error) && deathOf(error) === "memory") rotation.stopped(host);
      if (isHostGone(error) && !dead.has(host)) {
        dead.add(host);
        reporter.hostDied(
          error.message,
          deathOf(error),
          [...running.values()].map((each) => each.partition),
        );
      }
      await reporter.fail(ref, attemptId, error, circumstanceOf(error, alone));
    }
  }

  function stopAll(): void {
    isStopping = true;
    for (const stop of stops.values()) stop.abort();
  }

  return {
    capacity: options.threads,
    async enqueue(ref, alone) {
      waiting.push({ ref, alone });
      pump();
    },
    perform: (ref, alone) =>
      new Promise((ended) => {
        waiting.push({ ref, alone, ended });
        pump();
      }),
    abandon: (attemptId) => stops.get(attemptId)?.abort(),
    async drain() {
      stopAll();
      const handedBack = waiting.splice(0);
      await Promise.all(running.keys());
      for (const { ref, ended } of handedBack) {
        await reporter.fail(ref, "", new CancelledError(), "released").catch(() => undefined);
        ended?.();
      }
    },
    async close() {
      stopAll();
      await Promise.all(running.keys());
    },
  };
}

function isHostGone(error: NightshiftError): boolean {
  return error.code === "infra.host-died" || error.code === "infra.host-deadline";
}

function deathOf({ code, details }: NightshiftError): HostDeath {
  if (code === "infra.host-deadline") return "deadline";
  if (details.maxBytes !== undefined) return "memory";
  return details.signal == null ? "exit" : "signal";
}

/** An attempt is responsible for exceeding its deadline, and for a host's death if it ran there alone. */
function circumstanceOf(error: NightshiftError, alone: boolean): Circumstance {
  if (error instanceof CancelledError) return "released";
  if (error.code !== "infra.host-died") return "error";
  return alone ? "host-died-alone" : "host-died-shared";
}

/**
 * Decides when to replace a worker host between partitions. Memory of native code and WebAssembly is only
 * freed when the process ends, so the memory of a host grows with every partition: without replacement, it
 * would be stopped in the middle of a partition that needs no more than the first one.
 */
interface HostRotation {
  /** Whether the host has to be replaced before the next partition starts; nothing may be running in it. */
  isSpent(host: WorkerHost, alone: boolean): boolean;
  /** Called when a partition starts in a host. */
  started(host: WorkerHost): void;
  /** Called when a partition has ended and the host is alive. */
  ended(host: WorkerHost): void;
  /** Called when a host was stopped for its memory use. */
  stopped(host: WorkerHost): void;
}

function hostRotation(): HostRotation {
  const used = new WeakSet<WorkerHost>();
  /** Memory of a host when its last partition started, if it had run one before. */
  const heldAtStart = new WeakMap<WorkerHost, number>();
  /**
   * Memory of a host after its first partition, mostly the model. It alone does not justify a replacement.
   */
  let heldAfterFirst = 0;
  let learned = Number.POSITIVE_INFINITY;
  let first: WorkerHost | null = null;

  return {
    isSpent(host, alone) {
      const hasWorked = used.has(host);
      if (hasWorked && alone) return true;
      const held = host.heldBytes();
      if (held === null || host.maxBytes === null) return false;
      if (!hasWorked) return held > plannedShare * host.maxBytes;
      return held > Math.min(learned, Math.max(usualShare * host.maxBytes, 1.1 * heldAfterFirst));
    },
    started(host) {
      if (used.has(host)) heldAtStart.set(host, host.heldBytes() ?? Number.POSITIVE_INFINITY);
      else first = host;
      used.add(host);
    },
    ended(host) {
      if (host !== first) return;
      first = null;
      heldAfterFirst = Math.max(heldAfterFirst, host.heldBytes() ?? 0);
    },
    stopped(host) {
      learned = Math.min(learned, learnedShare * (heldAtStart.get(host) ?? Number.POSITIVE_INFINITY));
    },
  };
}
