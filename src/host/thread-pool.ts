/**
 * Runs partitions in threads, one for each core. Requests and results are small JSON values; progress uses
 * shared memory.
 */
import { Piscina } from "piscina";
import { type ErrorRecord, fromErrorRecord } from "../errors.js";
import type { HostAnswer } from "./call-server.js";
import type { HostCallName, HostCalls } from "./host.js";
import { SharedProgress } from "./shared-progress.js";

/** Calls about one partition. */
type PartitionCallName = "partition" | "search";

/**
 * Request and result of a thread. Errors are passed as records, since classes of another thread are not those
 * of this one.
 */
export interface ThreadCall<N extends PartitionCallName> {
  readonly call: HostCalls[N]["request"];
  readonly progress: SharedArrayBuffer;
}
/** Data that every thread of a host is started with. */
export interface ThreadData {
  readonly breadcrumbFd: number;
  readonly hookDir: string;
  readonly device: SharedArrayBuffer;
  /** Bytes that decoding may use while a job is planned or previewed. */
  readonly memoryBytes: number;
}
export type ThreadResult<N extends PartitionCallName> =
  | { readonly result: HostCalls[N]["result"] }
  | { readonly error: ErrorRecord };

/** A call of the host that a thread answers, with the thread's export of that name. */
export interface PlanningCall<N extends HostCallName> {
  readonly request: HostCalls[N]["request"];
  readonly progress: SharedArrayBuffer;
}
export type PlanningResult<N extends HostCallName> =
  | { readonly items: readonly HostCalls[N]["item"][]; readonly result: HostCalls[N]["result"] }
  | { readonly error: ErrorRecord };

export interface ThreadPoolOptions {
  /** Compiled entry point of a thread. */
  readonly entry: string;
  readonly threads: number;
  readonly workerData: ThreadData;
}

const progressEveryMs = 100;

export interface ThreadPool {
  /** Starts the first thread, so that it loads its modules while the run is still being planned. */
  readonly warm: () => void;
  readonly run: HostAnswer<"partition">;
  readonly search: HostAnswer<"search">;
  /** Answers a call in a thread, because it may run an author's code, which may never return. */
  readonly planning: <N extends "plan" | "preview">(name: N) => HostAnswer<N>;
}

export function threadPool({ entry, threads, workerData }: ThreadPoolOptions): ThreadPool {
  let started: Piscina | null = null;
  const start = (): Piscina => {
    started ??= new Piscina({
      filename: entry,
      workerData,
      minThreads: 1,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      // Waiting in Atomics would block the thread's own timers and streams.
      atomics: "disabled",
    });
    return started;
  };
  const inPartition =
    <N extends PartitionCallName>(name: N): HostAnswer<N> =>
    async (request, onItem, signal) => {
      const progress = new SharedProgress();
      const cancel = (): void => progress.cancel();
      signal.addEventListener("abort", cancel, { once: true });
      if (signal.aborted) cancel();
      const timer = setInterval(() => onItem(progress.read()), progressEveryMs);
      try {
        const call: ThreadCall<N> = { call: request, progress: progress.memory };
        const answer: ThreadResult<N> = await start().run(call, { name });
        if ("error" in answer) throw fromErrorRecord(answer.error);
        return answer.result;
      } finally {
        clearInterval(timer);
        signal.removeEventListener("abort", cancel);
      }
    };
  const planning =
    <N extends "plan" | "preview">(name: N): HostAnswer<N> =>
    async (request, onItem, signal) => {
      const progress = new SharedProgress();
      const cancel = (): void => progress.cancel();
      signal.addEventListener("abort", cancel, { once: true });
      if (signal.aborted) cancel();
      try {
        const call: PlanningCall<N> = { request, progress: progress.memory };
        const answer: PlanningResult<N> = await start().run(call, { name });
        if ("error" in answer) throw fromErrorRecord(answer.error);
        for (const item of answer.items) onItem(item);
        return answer.result;
      } finally {
        signal.removeEventListener("abort", cancel);
      }
    };
  return {
    warm: () => void start(),
    run: inPartition("partition"),
    search: inPartition("search"),
    planning,
  };
}
