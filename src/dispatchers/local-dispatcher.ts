/** Does partitions on this machine: a queue in memory before one worker host, which is replaced when it dies. */
import type { NewId } from "../clock.js";
import type { AttemptReporter, Circumstance, Dispatcher } from "../dispatcher.js";
import { asNightshiftError, CancelledError, type NightshiftError } from "../errors.js";
import type { WorkerHost } from "../host.js";
import type { PartitionRef } from "../partition.js";

export interface LocalDispatcherOptions {
  readonly threads: number;
  /** Kills the host, and with it the attempt, past this. */
  readonly partitionTimeoutMs: number;
  /** A living host, new where the last one died. Owned by whoever hands it in. */
  readonly host: () => WorkerHost;
  readonly reporter: AttemptReporter;
  readonly newId: NewId;
}

interface Waiting {
  readonly ref: PartitionRef;
  readonly alone: boolean;
}

export function localDispatcher(options: LocalDispatcherOptions): Dispatcher {
  const { reporter } = options;
  const waiting: Waiting[] = [];
  const running = new Map<Promise<void>, PartitionRef>();
  const stop = new AbortController();
  const dead = new WeakSet<WorkerHost>();
  let exclusive = false;

  /** Starts what may start: up to `threads` together, or one that must be alone once the rest has ended. */
  function pump(): void {
    while (!stop.signal.aborted && !exclusive && running.size < options.threads) {
      const next = waiting.find((item) => !item.alone || running.size === 0);
      if (next === undefined) return;
      waiting.splice(waiting.indexOf(next), 1);
      exclusive = next.alone;
      const attempt: Promise<void> = runAttempt(next).finally(() => {
        running.delete(attempt);
        if (next.alone) exclusive = false;
        pump();
      });
      running.set(attempt, next.ref);
    }
  }

  async function runAttempt({ ref, alone }: Waiting): Promise<void> {
    const attemptId = options.newId();
    // The reporter tells the coordinator when the ledger fails; there is nobody else here to tell.
    await attemptOnce(ref, attemptId, alone).catch(() => undefined);
  }

  async function attemptOnce(ref: PartitionRef, attemptId: string, alone: boolean): Promise<void> {
    const task = await reporter.start(ref, attemptId);
    if (task === "fenced") return;
    const host = options.host();
    try {
      const receipt = await host.call(
        "partition",
        { task, attemptId },
        {
          signal: stop.signal,
          deadlineMs: options.partitionTimeoutMs,
          onItem: ({ rows, quarantined, step }) => reporter.progress(ref, rows, quarantined, step),
        },
      );
      await reporter.succeed(receipt);
    } catch (thrown) {
      const error = asNightshiftError(thrown);
      if (isHostGone(error) && !dead.has(host)) {
        dead.add(host);
        reporter.hostDied(
          error.message,
          [...running.values()].map((each) => each.partition),
        );
      }
      await reporter.fail(ref, attemptId, error, circumstanceOf(error, alone));
    }
  }

  return {
    capacity: options.threads,
    async enqueue(ref, alone) {
      waiting.push({ ref, alone });
      pump();
    },
    async drain() {
      stop.abort();
      const handedBack = waiting.splice(0);
      await Promise.all(running.keys());
      for (const { ref } of handedBack) {
        await reporter.fail(ref, "", new CancelledError(), "released").catch(() => undefined);
      }
    },
    async close() {
      stop.abort();
      await Promise.all(running.keys());
    },
  };
}

function isHostGone(error: NightshiftError): boolean {
  return error.code === "infra.host-died" || error.code === "infra.host-deadline";
}

/** Running past a deadline is an attempt's own doing; a host's death is, once it ran alone there. */
function circumstanceOf(error: NightshiftError, alone: boolean): Circumstance {
  if (error instanceof CancelledError) return "released";
  if (error.code !== "infra.host-died") return "error";
  return alone ? "host-died-alone" : "host-died-shared";
}
