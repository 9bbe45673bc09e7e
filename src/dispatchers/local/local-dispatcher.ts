/** Does partitions on this machine: a queue in memory before one worker host, which is replaced when it dies. */

import { asNightshiftError, CancelledError, type NightshiftError } from "../../errors.js";
import type { WorkerHost } from "../../host/host.js";
import type { PartitionRef } from "../../job/partition.js";
import type { HostDeath } from "../../job/run-events.js";
import type { NewId } from "../../time/clock.js";
import type { AttemptReporter, AttemptRunner, Circumstance, Dispatcher } from "../dispatcher.js";
import { killersOf } from "./find-killers.js";

/** Share of a host's limit from which on it takes no further partition. */
const usualShare = 0.7;
/** As much after planning, before the first partition: planning and a partition share nothing. */
const plannedShare = 0.4;
/** A host that was stopped began its last partition with too much: the next ones are replaced before they hold that much. */
const learnedShare = 0.95;

export interface LocalDispatcherOptions {
  readonly threads: number;
  /** A living host, new where the last one died. Owned by whoever hands it in. */
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
  /** By attempt. */
  const stops = new Map<string, AbortController>();
  let isStopping = false;
  const dead = new WeakSet<WorkerHost>();
  let exclusive = false;
  const rotation = hostRotation();
  /** The end of the host before this one: two at a time would need twice the memory. */
  let replaced: Promise<void> = Promise.resolve();

  /**
   * Starts what may start in a host that has room for it, in the order it came: up to `threads` together, or one that must be alone once the rest has
   * ended. What comes behind it waits, too: where there is always more, its turn would never come.
   */
  function pump(): void {
    while (!isStopping && !exclusive && running.size < options.threads) {
      const [next] = waiting;
      if (next === undefined || (next.alone && running.size > 0)) return;
      const isSpent = rotation.isSpent(options.host(), next.alone);
      if (isSpent && running.size > 0) return;
      waiting.shift();
      // Another run of this process may plan or join files in the same host.
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
    // The reporter tells the coordinator when the ledger fails; there is nobody else here to tell.
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
    // Past it the host is killed, and with it the attempt.
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

/** Running past a deadline is an attempt's own doing; a host's death is, once it ran alone there. */
function circumstanceOf(error: NightshiftError, alone: boolean): Circumstance {
  if (error instanceof CancelledError) return "released";
  if (error.code !== "infra.host-died") return "error";
  return alone ? "host-died-alone" : "host-died-shared";
}

/**
 * Replaces a worker host between partitions. Memory that native code and WebAssembly took is not given back before the
 * process ends, so what a host holds grows from partition to partition: without an end it would be stopped in the
 * middle of a partition that needs no more than the first one.
 */
interface HostRotation {
  /** Whether the host has to be replaced before a partition starts; nothing may run in it then. */
  isSpent(host: WorkerHost, alone: boolean): boolean;
  /** Called when a partition starts in a host. */
  started(host: WorkerHost): void;
  /** Called when a partition ended and the host lives. */
  ended(host: WorkerHost): void;
  /** Called when a host was stopped for the memory that it held. */
  stopped(host: WorkerHost): void;
}

function hostRotation(): HostRotation {
  const used = new WeakSet<WorkerHost>();
  /** What a host held when its last partition started, where it had done one before. */
  const heldAtStart = new WeakMap<WorkerHost, number>();
  /** What the first partition leaves in a host: the model above all. It alone is no reason to replace the host. */
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
