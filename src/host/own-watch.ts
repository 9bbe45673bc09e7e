/**
 * A thread of a worker host that ends the host: when its coordinator is gone, when its time is over, or when
 * it uses too much memory. The main thread cannot react to these while it is inside native code.
 */
import { Worker } from "node:worker_threads";

export interface OwnWatch {
  /** Sets when the process ends itself, on the monotonic clock; `null`: never. */
  readonly liveUntil: (untilNs: bigint | null) => void;
}

/**
 * Evaluated in the thread. It must not import modules of this project, because the bundler may split them
 * arbitrarily.
 */
const code = `
const { workerData } = require("node:worker_threads");
const { readFileSync } = require("node:fs");
const until = new BigInt64Array(workerData.until);
let isLate = false;
const resident = () => {
  try {
    return Number(readFileSync("/proc/self/statm", "utf8").split(" ")[1]) * 4096;
  } catch {
    return 0;
  }
};
setInterval(() => {
  const endNs = Atomics.load(until, 0);
  const isOver = endNs !== 0n && process.hrtime.bigint() >= endNs;
  const isTooLarge = workerData.maxBytes > 0 && resident() > workerData.maxBytes;
  if (isOver || process.ppid !== workerData.parent) process.kill(process.pid, "SIGKILL");
  // A hook may have installed a handler for the first signal.
  if (isTooLarge) process.kill(process.pid, isLate ? "SIGKILL" : workerData.memorySignal);
  isLate = isTooLarge;
}, 250);`;

/**
 * Factor on the limit. The coordinator usually stops the host at its limit; this thread acts for coordinators
 * that are busy, stopped or gone.
 */
export const slack = 1.1;

/**
 * Signal by which a host that used too much memory kills itself, so that its coordinator can distinguish this
 * from other deaths.
 */
export const memorySignal = "SIGUSR2";

/** @param maxBytes 0: no limit */
export function watchOwnProcess(parent: number, maxBytes: number): OwnWatch {
  const until = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
  const cell = new BigInt64Array(until);
  const worker = new Worker(code, {
    eval: true,
    workerData: { parent, until, maxBytes: maxBytes * slack, memorySignal },
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
  });
  worker.unref();
  return { liveUntil: (untilNs) => void Atomics.store(cell, 0, untilNs ?? 0n) };
}
