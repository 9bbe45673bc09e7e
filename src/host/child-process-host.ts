/**
 * The parent's side of a worker host: a child process that receives calls, is monitored, and is killed when
 * it exceeds a limit. If it dies for any reason, its callers get an error and the coordinator continues.
 */
import { type ChildProcess, fork } from "node:child_process";
import { CancelledError, fromErrorRecord, type InfraError } from "../errors.js";
import { BreadcrumbTrail } from "./breadcrumb-trail.js";
import type { CallOptions, HostCallName, HostCalls, HostReply, WorkerHost } from "./host.js";
import { blamed, deathOf, modelOf, overrun, withRows } from "./host-deaths.js";
import { type MemoryExcess, residentBytes, watchMemory } from "./memory-watch.js";
import { memorySignal, slack } from "./own-watch.js";

/**
 * In MiB. Rows are in buffers outside the heap, so a large young generation only delays the collection of
 * garbage: with Node's default the host and its threads take a third more memory and are no faster.
 */
const smallYoungGeneration = "--max-semi-space-size=2";

export interface ChildProcessHostOptions {
  /** Compiled entry point of the child. */
  readonly entry: string;
  readonly threads: number;
  /** Directory of the hook bundles; absolute. */
  readonly hookDir: string;
  /** The complete environment of the host process. */
  readonly environment: { readonly [name: string]: string | undefined };
  /** Memory limit in bytes, above which the host is killed; `null`: no limit. */
  readonly maxBytes: number | null;
  /** Bytes that decoding may use for data that no plan has assessed. */
  readonly memoryBytes: number;
  /** Receives what native code prints in the child, which does not go to the terminal. */
  readonly onStderr?: (text: string) => void;
}

interface PendingCall {
  readonly name: HostCallName;
  /** Attempt of a partition, or of a search for rows that kill the host. */
  readonly attemptId: string | null;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Restarts the call's silence timer, because the host sent something. */
  readonly renew: () => void;
  readonly onItem: ((item: unknown) => void) | undefined;
}

/** File descriptor that the child writes breadcrumbs to: see {@link BreadcrumbTrail}. */
const breadcrumbFd = 4;

export function childProcessHost(options: ChildProcessHostOptions): WorkerHost {
  const { threads, hookDir, maxBytes, memoryBytes } = options;
  const own = [threads, breadcrumbFd, hookDir, maxBytes ?? 0, process.pid, memoryBytes].map(String);
  const child = fork(options.entry, own, {
    stdio: ["ignore", "pipe", "pipe", "ipc", "pipe"],
    execArgv: [smallYoungGeneration],
    env: options.environment,
  });
  // A host inside native code does not notice that its channel was closed.
  const killWithUs = (): void => void child.kill("SIGKILL");
  process.once("exit", killWithUs);
  const calls = new Map<number, PendingCall>();
  const watch = watchMemory(child.pid, options.maxBytes, () => child.kill("SIGKILL"));
  const trail = new BreadcrumbTrail(child.stdio[breadcrumbFd]);
  let nextId = 1;
  let lastWords = "";
  let gone: InfraError | null = null;

  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      lastWords = (lastWords + text).slice(-2000);
      options.onStderr?.(text);
    });
  }

  child.on("message", (reply: HostReply) => {
    const call = calls.get(reply.id);
    if (call === undefined) return;
    if (reply.type === "item") {
      call.renew();
      call.onItem?.(reply.item);
      return;
    }
    calls.delete(reply.id);
    if (reply.type === "result") call.resolve(reply.result);
    else call.reject(fromErrorRecord(reply.error));
  });

  // "close" is emitted after the pipes are drained, so the last breadcrumb is known by then.
  const closed = new Promise<void>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null, cause?: Error): void => {
      watch.stop();
      process.removeListener("exit", killWithUs);
      const open = {
        file: trail.lastFile,
        model: trail.model,
        isPredicting: trail.isPredicting,
        row: trail.row,
      };
      const excess = watch.excess() ?? ownExcess(signal, maxBytes);
      gone ??= deathOf({ code, signal, lastWords, cause, ...open, excess });
      for (const { attemptId, reject } of calls.values())
        reject(attemptId === null ? blamed(gone, open) : withRows(gone, trail.callsOf(attemptId)));
      calls.clear();
      resolve();
    };
    child.on("close", (code, signal) => end(code, signal));
    child.on("error", (cause) => end(null, null, cause));
  });

  function call<N extends HostCallName>(
    name: N,
    request: HostCalls[N]["request"],
    { signal, stopMs, deadlineMs, silenceMs, onItem }: CallOptions<N> = {},
  ): Promise<HostCalls[N]["result"]> {
    if (gone !== null) return Promise.reject(gone);
    const id = nextId++;
    let stopping: NodeJS.Timeout | null = null;
    const giveUp = (): void => {
      if (calls.size > 1) stopping?.refresh();
      else {
        calls.get(id)?.reject(new CancelledError());
        calls.delete(id);
        child.kill("SIGKILL");
      }
    };
    const cancel = (): void => {
      send(child, { id, cancel: true });
      if (stopMs !== undefined) stopping ??= setTimeout(giveUp, stopMs);
    };
    const model = modelOf(request);
    const stopAfter = (ms: number | undefined): NodeJS.Timeout | null =>
      ms === undefined
        ? null
        : setTimeout(() => {
            // Only the call that exceeded its time gets that error; the host's other calls get the host's
            // death.
            calls.get(id)?.reject(overrun(ms, trail.lastFile, model));
            calls.delete(id);
            child.kill("SIGKILL");
          }, ms);
    const timers = [stopAfter(deadlineMs), stopAfter(silenceMs)];
    return new Promise<HostCalls[N]["result"]>((resolve, reject) => {
      calls.set(id, {
        name,
        attemptId: "attemptId" in request ? request.attemptId : null,
        // The host answers in the shape of the call's contract; this channel has no other writer.
        resolve: (result) => resolve(result as HostCalls[N]["result"]),
        reject,
        renew: () => timers[1]?.refresh(),
        onItem: onItem as ((item: unknown) => void) | undefined,
      });
      signal?.addEventListener("abort", cancel, { once: true });
      send(child, { id, call: name, request });
      if (signal?.aborted) cancel();
    }).finally(() => {
      for (const timer of [...timers, stopping]) if (timer !== null) clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
    });
  }

  /** All processes share the kernel's monotonic clock, so a delayed message does not extend the time. */
  function liveFor(ms: number | null): void {
    const untilNs = ms === null ? null : String(process.hrtime.bigint() + BigInt(Math.round(ms * 1e6)));
    if (child.connected) child.send({ liveUntilNs: untilNs }, () => undefined);
  }

  const isGone = (): boolean => gone !== null || child.killed;

  async function close(): Promise<void> {
    child.kill("SIGKILL");
    await closed;
  }

  const heldBytes = (): number | null => residentBytes(child.pid);
  const isIdle = (): boolean => calls.size === 0;
  return { call, liveFor, heldBytes, maxBytes: options.maxBytes, isIdle, isGone, close };
}

/** A message to a dying child is lost; its calls are rejected when it closes. */
function send(child: ChildProcess, message: { readonly id: number } & Record<string, unknown>): void {
  if (child.connected) child.send(message, () => undefined);
}

/** Returns the memory excess of a host that ended itself for it. */
function ownExcess(signal: NodeJS.Signals | null, maxBytes: number | null): MemoryExcess | null {
  if (signal !== memorySignal || maxBytes === null) return null;
  return { heldBytes: Math.round(maxBytes * slack), maxBytes };
}
