/**
 * The parent's side of a worker host: a child process that is asked, watched, and killed when it overruns. Whatever kills
 * it, the callers get an error and the coordinator lives on.
 */
import { type ChildProcess, fork } from "node:child_process";
import { DataError, fromErrorRecord, InfraError } from "../../errors.js";
import type { CallOptions, HostCallName, HostCalls, HostReply, WorkerHost } from "../../host.js";
import { BreadcrumbTrail } from "./breadcrumb-trail.js";

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
  /** Receives what native code prints in the child; kept out of the terminal. */
  readonly onStderr?: (text: string) => void;
}

interface PendingCall {
  readonly name: HostCallName;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onItem: ((item: unknown) => void) | undefined;
}

/** File descriptor that the child writes breadcrumbs to: see {@link BreadcrumbTrail}. */
const breadcrumbFd = 4;

export function childProcessHost(options: ChildProcessHostOptions): WorkerHost {
  const child = fork(options.entry, [String(options.threads), String(breadcrumbFd), options.hookDir], {
    stdio: ["ignore", "pipe", "pipe", "ipc", "pipe"],
    execArgv: [smallYoungGeneration],
  });
  const calls = new Map<number, PendingCall>();
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
      gone ??= deathOf(code, signal, trail.lastFile, lastWords, cause);
      for (const call of calls.values())
        call.reject(call.name === "partition" ? gone : blamed(gone, trail.lastFile));
      calls.clear();
      resolve();
    };
    child.on("close", (code, signal) => end(code, signal));
    child.on("error", (cause) => end(null, null, cause));
  });

  function call<N extends HostCallName>(
    name: N,
    request: HostCalls[N]["request"],
    { signal, deadlineMs, onItem }: CallOptions<N> = {},
  ): Promise<HostCalls[N]["result"]> {
    if (gone !== null) return Promise.reject(gone);
    const id = nextId++;
    const cancel = (): void => send(child, { id, cancel: true });
    const timer =
      deadlineMs === undefined
        ? null
        : setTimeout(() => {
            // The one that overran is told so; whoever shared the host with it sees the host die.
            calls.get(id)?.reject(overrun(deadlineMs, trail.lastFile));
            calls.delete(id);
            child.kill("SIGKILL");
          }, deadlineMs);
    return new Promise<HostCalls[N]["result"]>((resolve, reject) => {
      calls.set(id, {
        name,
        // The host answers in the shape of the call's contract; nobody else writes to this channel.
        resolve: (result) => resolve(result as HostCalls[N]["result"]),
        reject,
        onItem: onItem as ((item: unknown) => void) | undefined,
      });
      signal?.addEventListener("abort", cancel, { once: true });
      send(child, { id, call: name, request });
      if (signal?.aborted) cancel();
    }).finally(() => {
      if (timer !== null) clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
    });
  }

  const isGone = (): boolean => gone !== null || child.killed;

  async function close(): Promise<void> {
    child.kill("SIGKILL");
    await closed;
  }

  return { call, isGone, close };
}

/** A message to a child that is dying is lost; its calls are rejected when it closes. */
function send(child: ChildProcess, message: { readonly id: number } & Record<string, unknown>): void {
  if (child.connected) child.send(message, () => undefined);
}

function overrun(deadlineMs: number, file: string | null): InfraError {
  const seconds = Math.round(deadlineMs / 1000);
  return new InfraError("infra.host-deadline", `Stopped after ${seconds} s, its time limit${during(file)}.`, {
    hint: "Raise limits.partition_timeout, or make partitions smaller with limits.partition_rows.",
    details: { deadlineMs, ...(file === null ? {} : { file }) },
  });
}

function deathOf(
  code: number | null,
  signal: NodeJS.Signals | null,
  file: string | null,
  lastWords: string,
  cause: Error | undefined,
): InfraError {
  const details = { ...(file === null ? {} : { file }), exitCode: code, signal };
  const how = signal === null ? `exit code ${code}` : signal;
  const words = lastWords.trim().split("\n").at(-1)?.slice(0, 200) ?? "";
  return new InfraError(
    "infra.host-died",
    `The worker host died (${how})${during(file)}.${words === "" ? "" : ` Its last words: ${words}`}`,
    {
      hint:
        file === null
          ? "Check the machine's memory; the run can go on with nightshift retry."
          : "The file may be corrupt: check it with nightshift inspect --full.",
      details,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/**
 * Outside of partitions a host does one thing at a time, so what kills it in its own code is the file it has open. Whoever
 * sends SIGKILL or SIGTERM is somebody else: the kernel for want of memory, or a person.
 */
function blamed(death: InfraError, file: string | null): DataError | InfraError {
  const { signal } = death.details;
  if (file === null || signal === "SIGKILL" || signal === "SIGTERM") return death;
  return new DataError("data.kills-reader", `${file} cannot be decoded: it crashes the Parquet reader.`, {
    hint: "The file is damaged, or uses the format in a way that the reader does not know: write it again.",
    details: death.details,
    cause: death,
  });
}

function during(file: string | null): string {
  return file === null ? "" : ` while it had ${file} open`;
}
