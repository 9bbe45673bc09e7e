/**
 * Takes messages from the channels of a queue, each only when a thread is free for it, so that no message
 * waits here that another worker could process. Events have one more thread: they do not wait for partitions
 * of other lanes, and without events it is not reserved idle.
 */

import type { Message, Queue } from "../dispatchers/queue.js";
import { isQueueRefused, refusedForMs } from "../dispatchers/refusals.js";
import type { Channel, Lane } from "../job/lane.js";
import type { PartitionRef } from "../job/partition.js";
import type { Clock } from "../time/clock.js";
import { laneTurns } from "./lane-turns.js";

export interface TakingParts {
  readonly queue: Queue;
  readonly channels: readonly Channel[];
  readonly threads: number;
  readonly clock: Clock;
  /** Resolves after that time, or earlier when the signal fires. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Processes a partition; resolves when it is finished, whether it succeeded or not. */
  readonly take: (ref: PartitionRef) => Promise<void>;
  /**
   * Called once if the queue of a channel has been refused for {@link refusedForMs}: only an operator can
   * resolve that.
   */
  readonly onRefused: (error: Error) => void;
}

/** An empty channel is polled again after a pause that doubles up to this limit. */
const firstPauseMs = 10;
const longestPauseMs = 200;
/** Pause after a queue could not be polled. */
const troublePauseMs = 500;

interface Source {
  readonly channel: Channel;
  emptyUntilMs: number;
  pauseMs: number;
  refusedSinceMs: number | null;
}

/** Returns the maximum number of concurrent attempts of a worker with this number of threads. */
export function attemptsAtOnce(threads: number, lanes: readonly Lane[]): number {
  const isMixed = lanes.includes("events") && lanes.some((lane) => lane !== "events");
  return isMixed ? threads + 1 : threads;
}

/**
 * Starts to take messages. @returns a function that stops it: no new messages are taken, started ones
 * continue
 */
export function takeMessages(parts: TakingParts): () => void {
  const { queue, threads, clock } = parts;
  const sources = parts.channels.map(
    (channel): Source => ({ channel, emptyUntilMs: 0, pauseMs: 0, refusedSinceMs: null }),
  );
  const atMost = attemptsAtOnce(
    threads,
    parts.channels.map(({ lane }) => lane),
  );
  const turns = laneTurns();
  const stopped = new AbortController();
  let busy = { all: 0, others: 0 };
  let wake = new AbortController();
  let isRefused = false;

  const isFree = ({ lane }: Channel): boolean =>
    busy.all < atMost && (lane === "events" || busy.others < threads);

  function sourceOf(channel: Channel): Source {
    const source = sources.find((each) => each.channel === channel);
    if (source === undefined) throw new Error(`no channel ${channel.tag} ${channel.lane}`);
    return source;
  }

  async function ask(source: Source): Promise<Message | null> {
    try {
      const message = await queue.take(source.channel);
      source.pauseMs =
        message === null ? Math.min(Math.max(firstPauseMs, 2 * source.pauseMs), longestPauseMs) : 0;
      source.emptyUntilMs = clock.monotonicMs() + source.pauseMs;
      source.refusedSinceMs = null;
      return message;
    } catch (thrown) {
      // The queue has reported the error already.
      source.emptyUntilMs = clock.monotonicMs() + troublePauseMs;
      noteRefused(source, thrown);
      return null;
    }
  }

  function noteRefused(source: Source, thrown: unknown): void {
    if (!isQueueRefused(thrown)) {
      source.refusedSinceMs = null;
      return;
    }
    const nowMs = clock.monotonicMs();
    source.refusedSinceMs ??= nowMs;
    if (nowMs - source.refusedSinceMs < refusedForMs || isRefused) return;
    isRefused = true;
    parts.onRefused(thrown);
  }

  /** @returns whether there was a message */
  async function takeNext(): Promise<boolean> {
    for (const channel of turns.order(parts.channels)) {
      const source = sourceOf(channel);
      if (stopped.signal.aborted || !isFree(channel) || clock.monotonicMs() < source.emptyUntilMs) continue;
      const message = await ask(source);
      if (message === null) continue;
      turns.took(channel);
      void perform(message, channel);
      return true;
    }
    return false;
  }

  async function perform({ ref, done }: Message, { lane }: Channel): Promise<void> {
    const others = lane === "events" ? 0 : 1;
    busy = { all: busy.all + 1, others: busy.others + others };
    try {
      // A message that arrived during the stop is dropped: its coordinator sends it again.
      if (ref !== null && !stopped.signal.aborted) await parts.take(ref).catch(() => undefined);
    } finally {
      busy = { all: busy.all - 1, others: busy.others - others };
      done();
      wake.abort();
    }
  }

  function untilNextMs(): number {
    const free = sources.filter(({ channel }) => isFree(channel));
    const nextMs = Math.min(...free.map(({ emptyUntilMs }) => emptyUntilMs));
    return Number.isFinite(nextMs) ? Math.max(0, nextMs - clock.monotonicMs()) : longestPauseMs;
  }

  async function go(): Promise<void> {
    while (!stopped.signal.aborted) {
      wake = new AbortController();
      if (await takeNext()) continue;
      if (!wake.signal.aborted)
        await parts.pause(untilNextMs(), AbortSignal.any([wake.signal, stopped.signal]));
    }
  }

  void go();
  return () => stopped.abort();
}
