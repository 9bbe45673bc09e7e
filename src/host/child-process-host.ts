/**
 * The parent's side of a worker host: a child process that is asked, watched, and killed when it overruns. Whatever kills
 * it, the callers get an error and the coordinator lives on.
 */
import { type ChildProcess, fork } from "node:child_process";
import { CancelledError, fromErrorRecord, type InfraError } from "../errors.js";
import { BreadcrumbTrail } from "./breadcrumb-trail.js";
import type { CallOptions, HostCallName, HostCalls, HostReply, WorkerHost } from "./host.js";
import { blamed, deathOf, modelOf, overrun, withRows } from "./host-deaths.js";
import { type MemoryExcess, residentBytes, watchMemory } from "./memory-watch.js";
import { memorySignal, slack } from "./own-watch.js";

/**
 * In MiB. Rows live in buffers, not on the heap, so a large young generation only keeps garbage for longer: with Node's
 * own size the host and its threads take a third more memory, and are no faster.
 */
const smallYoungGeneration = "--max-semi-space-size=2";

export interface ChildProcessHostOptions {
  /** Compiled entry point of the child. */
  readonly entry: string;
  readonly threads: number;
  /** Where bundles of hooks are kept; absolute. */
  readonly hookDir: string;
  /** The whole environment of the host. */
  readonly environment: { readonly [name: string]: string | undefined };
  /** The host is killed once it holds more than this in memory; `null`: whatever there is. */
  readonly maxBytes: number | null;
  /** What decoding of data that no plan has judged may take. */
  readonly memoryBytes: number;
  /** Receives what native code prints in the child; kept out of the terminal. */
  readonly onStderr?: (text: string) => void;
}

interface PendingCall {
  readonly name: HostCallName;
  /** Of a partition or of a search in it. */
  readonly attemptId: string | null;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  /** It has given a sign of life. */
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
  // A host that is inside native code hears of no closed channel.
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

  // "close" comes after the pipes are drained, so the last breadcrumb is known by then.
  const closed = new Promise<void>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null, cause?: Error): void => {
      watch.stop();
      process.removeListener("exit", killWithUs);
      const open = { file: trail.lastFile, model: trail.model, isPredicting: trail.isPredicting };
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
            // The one that overran is told so; whoever shared the host with it sees the host die.
            calls.get(id)?.reject(overrun(ms, trail.lastFile, model));
            calls.delete(id);
            child.kill("SIGKILL");
          }, ms);
    const timers = [stopAfter(deadlineMs), stopAfter(silenceMs)];
    return new Promise<HostCalls[N]["result"]>((resolve, reject) => {
      calls.set(id, {
        name,
        attemptId: "attemptId" in request ? request.attemptId : null,
        // The host answers in the shape of the call's contract; nobody else writes to this channel.
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

  /** The kernel's monotonic clock is one for all processes, so a message that comes late gives no time away. */
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

/** A message to a child that is dying is lost; its calls are rejected when it closes. */
function send(child: ChildProcess, message: { readonly id: number } & Record<string, unknown>): void {
  if (child.connected) child.send(message, () => undefined);
}

/** What a host found that ended itself for the memory that it held. */
function ownExcess(signal: NodeJS.Signals | null, maxBytes: number | null): MemoryExcess | null {
  if (signal !== memorySignal || maxBytes === null) return null;
  return { heldBytes: Math.round(maxBytes * slack), maxBytes };
}
