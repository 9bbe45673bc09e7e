/**
 * A queue of BullMQ's, on Redis or on Postgres. It carries messages and is believed in nothing: how an attempt went is
 * never read from it, a message is not kept once it was taken care of, and none is tried twice by it.
 */
import type { PartitionRef } from "../../partition.js";
import type { Consumer, Queue } from "../../queue.js";
import { messageId, readMessage } from "./message.js";

/** What is used of BullMQ, whatever it runs on. */
export interface Backend {
  /** For people; without secrets. */
  readonly place: string;
  sender(name: string): Sender;
  receiver(
    name: string,
    handle: (job: { readonly data: unknown }) => Promise<void>,
    atOnce: number,
  ): Receiver;
  close(): Promise<void>;
}

export interface Sender {
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

export interface Receiver {
  on(event: "error", listener: (error: Error) => void): unknown;
  pause(doNotWaitForWork: boolean): Promise<void>;
  close(): Promise<void>;
}

export interface BullmqQueueOptions {
  /** Told of what a queue complains about: lost connections, mostly, which it mends itself. */
  readonly onTrouble?: (error: Error) => void;
}

const queueName = "partitions";
/** A server that does not answer keeps nobody from ending. */
const closeTimeoutMs = 2_000;

export function bullmqQueue(backend: Backend, { onTrouble = () => undefined }: BullmqQueueOptions): Queue {
  const receivers: Receiver[] = [];
  let sender: Sender | null = null;

  function senderNow(): Sender {
    if (sender === null) {
      sender = backend.sender(queueName);
      sender.on("error", onTrouble);
    }
    return sender;
  }

  return {
    place: backend.place,

    async push(refs) {
      if (refs.length === 0) return;
      await senderNow().addBulk(
        refs.map(({ runId, partition, epoch }) => {
          const ref = { runId, partition, epoch };
          const opts = {
            jobId: messageId(ref),
            attempts: 1,
            removeOnComplete: true,
            removeOnFail: true,
          } as const;
          return { name: "partition", data: ref, opts };
        }),
      );
    },

    async pending() {
      const messages = await senderNow().getJobCountByTypes("waiting", "delayed", "prioritized");
      return { [queueName]: messages };
    },

    consume(atOnce, take): Consumer {
      const handle = async ({ data }: { readonly data: unknown }): Promise<void> => {
        const ref = readMessage(data);
        if (ref !== null) await take(ref);
      };
      const receiver = backend.receiver(queueName, handle, atOnce);
      receiver.on("error", onTrouble);
      receivers.push(receiver);
      return { pause: () => receiver.pause(true) };
    },

    async close() {
      const closing = [...receivers, ...(sender === null ? [] : [sender])].map((each) => each.close());
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, closeTimeoutMs);
      });
      await Promise.race([Promise.allSettled(closing), late]);
      clearTimeout(timer);
      await backend.close();
    },
  };
}

/** What a receiver of either backend is told. */
export function receiverOptions(atOnce: number, lockMs: number) {
  return {
    concurrency: atOnce,
    // A message whose worker is gone comes again after this; whoever has begun with it is known to the ledger.
    lockDuration: lockMs,
    stalledInterval: lockMs,
    // Never too often; an integer of PostgreSQL's.
    maxStalledCount: 2 ** 31 - 1,
    runRetryDelay: 500,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  };
}

export const usualLockMs = 15_000;
/**
 * Past it a connection counts as lost: a half of it may be gone, and TCP would wait for a quarter of an hour. More than the
 * ten seconds for which BullMQ asks a server to wait.
 */
export const usualAnswerMs = 20_000;
