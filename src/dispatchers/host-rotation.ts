/**
 * Replaces a worker host between partitions. Memory that native code and WebAssembly took is not given back before the
 * process ends, so what a host holds grows from partition to partition: without an end it would be stopped in the
 * middle of a partition that needs no more than the first one.
 */
import type { WorkerHost } from "../host.js";

/** Share of a host's limit from which on it takes no further partition. */
const usualShare = 0.7;
/** A host that was stopped began its last partition with too much: the next ones are replaced before they hold that much. */
const learnedShare = 0.95;

export interface HostRotation {
  /** Whether the host has to be replaced before a partition starts; nothing may run in it then. */
  isSpent(host: WorkerHost, alone: boolean): boolean;
  /** Called when a partition starts in a host. */
  started(host: WorkerHost): void;
  /** Called when a partition ended and the host lives. */
  ended(host: WorkerHost): void;
  /** Called when a host was stopped for the memory that it held. */
  stopped(host: WorkerHost): void;
}

export function hostRotation(): HostRotation {
  const used = new WeakSet<WorkerHost>();
  /** What a host held when its last partition started, where it had done one before. */
  const heldAtStart = new WeakMap<WorkerHost, number>();
  /** What the first partition leaves in a host: the model above all. It alone is no reason to replace the host. */
  let heldAfterFirst = 0;
  let learned = Number.POSITIVE_INFINITY;
  let first: WorkerHost | null = null;

  return {
    isSpent(host, alone) {
      if (!used.has(host)) return false;
      if (alone) return true;
      const held = host.heldBytes();
      if (held === null || host.maxBytes === null) return false;
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
