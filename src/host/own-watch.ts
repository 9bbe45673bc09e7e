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
  if (isOver || isTooLarge || process.ppid !== workerData.parent) process.kill(process.pid, "SIGKILL");
}, 250);`;

/** The coordinator stops the host at its bound, and says why; this is for coordinators that cannot. */
const slack = 1.1;

/** @param maxBytes 0: whatever there is */
export function watchOwnProcess(parent: number, maxBytes: number): OwnWatch {
  const until = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
  const cell = new BigInt64Array(until);
  const worker = new Worker(code, {
    eval: true,
    workerData: { parent, until, maxBytes: maxBytes * slack },
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 },
  });
  worker.unref();
  return { liveUntil: (untilNs) => void Atomics.store(cell, 0, untilNs ?? 0n) };
}
