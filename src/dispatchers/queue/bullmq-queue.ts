/**
 * A BullMQ queue, on Redis or on PostgreSQL. It only transports messages: the result of an attempt is never
 * read from it, a message is removed after it was processed, and the queue retries none. Each channel is a
 * BullMQ queue of its own; the worker decides which of them to poll next.
 */
import { type Channel, channelsOf, laneNames, usualTag } from "../../job/lane.js";
import type { PartitionRef } from "../../job/partition.js";
import type { Message, Queue } from "../queue.js";
import { messageId, readMessage } from "./message.js";

/** The parts of BullMQ that differ between its backends. */
export interface Backend {
  /** Location for messages; without secrets. */
  readonly place: string;
  /** A message whose worker is gone is delivered again after this time. */
  readonly lockMs: number;
  sender(name: string): Sender;
  receiver(name: string): Receiver;
  /**
   * Called before every push, and before messages are taken. @throws InfraError `infra.queue-refused` if
   * something on the server keeps messages from arriving
   */
  check(queue: string): Promise<void>;
  /** @returns an error of this project if the server refused the call; other errors unchanged */
  explain(error: Error, queue: string): Promise<Error>;
  close(): Promise<void>;
}

export interface Sender {
  waitUntilReady(): Promise<unknown>;
  addBulk(jobs: Job[]): Promise<unknown>;
  getJobCountByTypes(...types: ("waiting" | "delayed" | "prioritized")[]): Promise<number>;
  on(event: "error", listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

interface Job {
  readonly name: string;
  readonly data: PartitionRef;
  readonly opts: { readonly jobId: string; readonly attempts: 1 } & Forgotten;
}

interface Forgotten {
  readonly removeOnComplete: true;
  readonly removeOnFail: true;
}

/** Fetches messages on request; it does not process them by itself. */
export interface Receiver {
  waitUntilReady(): Promise<unknown>;
  getNextJob(token: string, options: { readonly block: false }): Promise<TakenJob | undefined>;
  extendJobLocks(ids: string[], tokens: string[], lockMs: number): Promise<unknown>;
  startStalledCheckTimer(): Promise<void>;
  on(event: "error", listener: (error: Error) => void): unknown;
  close(force: boolean): Promise<void>;
}

interface TakenJob {
  readonly id?: string | undefined;
  readonly data: unknown;
  moveToCompleted(result: null, token: string, fetchNext: false): Promise<unknown>;
}

export interface BullmqQueueOptions {
  /** Called with errors of the queue, mostly lost connections, which it restores by itself. */
  readonly onTrouble?: (error: Error) => void;
}

/** A server that does not answer must not delay the shutdown. */
const closeTimeoutMs = 2_000;

interface Taking {
  readonly name: string;
  readonly receiver: Receiver;
  /** Lock tokens of messages in progress, by message name. */
  readonly held: Map<string, string>;
  readonly renewing: NodeJS.Timeout;
  /**
   * Whether the server has to be checked before the next message is requested: at the start, and after an
   * error.
   */
  mustCheck: boolean;
}

export function bullmqQueue(backend: Backend, { onTrouble = () => undefined }: BullmqQueueOptions): Queue {
  const senders = new Map<string, Sender>();
  const takings = new Map<string, Taking>();
  const forgetting = new Set<Promise<void>>();
  let tokens = 0;

  async function explained(thrown: unknown, name: string): Promise<Error> {
    return backend.explain(thrown instanceof Error ? thrown : new Error(String(thrown)), name);
  }

  /** Reports errors of calls that no caller waits for. */
  const complain = (name: string) => (error: Error) => void explained(error, name).then(onTrouble);

  async function senderTo(name: string): Promise<Sender> {
    const sender = senders.get(name) ?? backend.sender(name);
    if (!senders.has(name)) sender.on("error", complain(name));
    senders.set(name, sender);
    await readied(sender, () => {
      if (senders.get(name) === sender) senders.delete(name);
    });
    return sender;
  }

  async function takingFrom(channel: Channel): Promise<Taking> {
    const name = queueName(channel);
    const taking = takings.get(name) ?? startTaking(name);
    await readied(taking.receiver, () => {
      clearInterval(taking.renewing);
      if (takings.get(name) === taking) takings.delete(name);
    });
    return taking;
  }

  function startTaking(name: string): Taking {
    const receiver = backend.receiver(name);
    receiver.on("error", (error) => {
      taking.mustCheck = true;
      complain(name)(error);
    });
    void receiver.startStalledCheckTimer();
    const held = new Map<string, string>();
    const renewing = setInterval(() => {
      if (held.size === 0) return;
      // A lock that is not renewed expires; the message is then delivered again and is outdated.
      receiver.extendJobLocks([...held.keys()], [...held.values()], backend.lockMs).catch(complain(name));
    }, backend.lockMs / 3);
    renewing.unref();
    const taking: Taking = { name, receiver, held, renewing, mustCheck: true };
    takings.set(name, taking);
    return taking;
  }

  function messageOf(job: TakenJob, token: string, { name, held }: Taking): Message {
    const id = job.id ?? "";
    held.set(id, token);
    return {
      ref: readMessage(job.data),
      done() {
        held.delete(id);
        const forgotten: Promise<void> = job
          .moveToCompleted(null, token, false)
          .catch(complain(name))
          .then(() => void forgetting.delete(forgotten));
        forgetting.add(forgotten);
      },
    };
  }

  return {
    place: backend.place,

    async push(refs, channel) {
      if (refs.length === 0) return;
      const name = queueName(channel);
      try {
        const sender = await senderTo(name);
        await backend.check(name);
        await sender.addBulk(refs.map(jobOf));
      } catch (thrown) {
        throw await explained(thrown, name);
      }
    },

    async take(channel) {
      const name = queueName(channel);
      tokens += 1;
      const token = `${tokens}`;
      try {
        const taking = await takingFrom(channel);
        if (taking.mustCheck) await backend.check(name);
        taking.mustCheck = false;
        const job = await taking.receiver.getNextJob(token, { block: false });
        return job === undefined ? null : messageOf(job, token, taking);
      } catch (thrown) {
        const error = await explained(thrown, name);
        onTrouble(error);
        throw error;
      }
    },

    async pending(more = []) {
      const known = [...channelsOf([usualTag], laneNames), ...more].map(queueName);
      const counts: { [queue: string]: number } = {};
      for (const name of new Set([...known, ...senders.keys(), ...takings.keys()]))
        counts[name] = await (await senderTo(name)).getJobCountByTypes("waiting", "delayed", "prioritized");
      return counts;
    },

    async close() {
      for (const { renewing } of takings.values()) clearInterval(renewing);
      const closing = Promise.all(forgetting).then(() =>
        Promise.allSettled([
          ...[...takings.values()].map(({ receiver }) => receiver.close(true)),
          ...[...senders.values()].map((sender) => sender.close()),
        ]),
      );
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, closeTimeoutMs);
      });
      await Promise.race([closing, late]);
      clearTimeout(timer);
      await backend.close();
    },
  };
}

function jobOf({ runId, partition, epoch }: PartitionRef): Job {
  const data = { runId, partition, epoch };
  const opts = { jobId: messageId(data), attempts: 1, removeOnComplete: true, removeOnFail: true } as const;
  return { name: "partition", data, opts };
}

/**
 * Returns BullMQ's name for a channel's queue. It is the prefix of its keys; docs/queue.md describes scaling
 * by them.
 */
export function queueName({ tag, lane }: Channel): string {
  return `${tag}-${lane}`;
}

/**
 * BullMQ never recovers if its connection broke while it set up its tables, so the next call creates a new
 * one.
 */
async function readied(made: Sender | Receiver, forget: () => void): Promise<void> {
  try {
    await made.waitUntilReady();
  } catch (error) {
    forget();
    void made.close(true).catch(() => undefined);
    throw error;
  }
}

/** Options of a receiver, for both backends. */
export function receiverOptions(lockMs: number) {
  return {
    autorun: false,
    lockDuration: lockMs,
    stalledInterval: lockMs,
    // Never treated as stalled too often; this is the largest integer of PostgreSQL.
    maxStalledCount: 2 ** 31 - 1,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  };
}

export const usualLockMs = 15_000;
/**
 * A connection that is silent for this long counts as lost: it may be half open, and TCP would wait for a
 * quarter of an hour. More than the ten seconds for which BullMQ asks a server to block.
 */
export const usualAnswerMs = 20_000;
