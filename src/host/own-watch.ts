/**
 * A thread of a worker host that ends the host: when its coordinator is gone, when its time is over, or when it holds too
 * much memory. The main thread hears of none of these while it is inside native code.
 */
import { Worker } from "node:worker_threads";

export interface OwnWatch {
  /** Ends the process at a time of the monotonic clock; `null`: not at a time. */
  readonly liveUntil: (untilNs: bigint | null) => void;
}

/** Evaluated in the thread: it has to do without any module of ours, since bundles split them at will. */
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
  // A function of a job may have caught the first signal.
  if (isTooLarge) process.kill(process.pid, isLate ? "SIGKILL" : workerData.memorySignal);
  isLate = isTooLarge;
}, 250);`;

/** The coordinator usually stops the host at its bound; this is for coordinators that are busy, stopped or gone. */
export const slack = 1.1;

/** How a host dies that held too much memory by its own count, so that its coordinator can tell this from other deaths. */
export const memorySignal = "SIGUSR2";

/** @param maxBytes 0: whatever there is */
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
