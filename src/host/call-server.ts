/**
 * The child's side of a worker host's channel: receives calls, streams items, answers each call once, and
 * exits with its parent.
 */
import { toErrorRecord } from "../errors.js";
import type { HostCallName, HostCalls, HostReply } from "./host.js";
import type { OwnWatch } from "./own-watch.js";

/** Handles one kind of call. Items are streamed as they are produced. */
export type HostAnswer<N extends HostCallName> = (
  request: HostCalls[N]["request"],
  onItem: (item: HostCalls[N]["item"]) => void,
  signal: AbortSignal,
) => Promise<HostCalls[N]["result"]>;

export type HostAnswers = { readonly [N in HostCallName]: HostAnswer<N> };

type Message =
  | { readonly liveUntilNs: string | null }
  | { readonly id: number; readonly cancel: true }
  | { readonly id: number; readonly call: HostCallName; readonly request: never };

/** @param watch ends the process at its deadline, also while the main thread is busy */
export function serveCalls(channel: NodeJS.Process, answers: HostAnswers, watch: OwnWatch): void {
  const running = new Map<number, AbortController>();
  const watchdog = lifetime(channel);
  const reply = (message: HostReply): void => void channel.send?.(message);

  channel.on("message", (message: Message) => {
    if ("liveUntilNs" in message) {
      watchdog(message.liveUntilNs);
      watch.liveUntil(message.liveUntilNs === null ? null : BigInt(message.liveUntilNs));
      return;
    }
    if ("cancel" in message) {
      running.get(message.id)?.abort();
      return;
    }
    const { id, call, request } = message;
    const controller = new AbortController();
    running.set(id, controller);
    // The types of requests and answers are matched on the calling side: `WorkerHost.call` ties both to the
    // call's name.
    const answer = answers[call] as HostAnswer<HostCallName>;
    answer(request, (item) => reply({ id, type: "item", item }), controller.signal)
      .then((result) => reply({ id, type: "result", result }))
      .catch((error: unknown) => reply({ id, type: "error", error: toErrorRecord(error) }))
      .finally(() => running.delete(id));
  });
  // A host without a coordinator has no work left. It kills itself instead of exiting: ending a thread inside
  // a model call aborts the process and leaves a core dump.
  channel.on("disconnect", () => channel.kill(channel.pid, "SIGKILL"));
  // A terminal's Ctrl-C reaches the whole process group; stopping is the coordinator's decision.
  channel.on("SIGINT", () => undefined);
  channel.on("SIGTERM", () => undefined);
}

/** Sets when the process ends itself, on the monotonic clock. A later message replaces the time. */
function lifetime(channel: NodeJS.Process): (untilNs: string | null) => void {
  let timer: NodeJS.Timeout | null = null;
  return (untilNs) => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (untilNs === null) return;
    const leftMs = Number(BigInt(untilNs) - channel.hrtime.bigint()) / 1e6;
    timer = setTimeout(() => channel.kill(channel.pid, "SIGKILL"), Math.max(0, leftMs));
  };
}
