/** A message contains only a partition reference: numbers and a run id. */
import type { PartitionRef } from "../../job/partition.js";

/**
 * Names a message. The name includes the epoch, because a partition's next message must not be taken for its
 * previous one, which the queue may still hold. It contains no colon, which BullMQ reserves.
 */
export function messageId({ runId, partition, epoch }: PartitionRef): string {
  return [runId, partition, epoch].join("-");
}

/** Parses a message; returns `null` for data that another program put into the queue. */
export function readMessage(data: unknown): PartitionRef | null {
  if (typeof data !== "object" || data === null) return null;
  const { runId, partition, epoch } = data as { readonly [name: string]: unknown };
  if (typeof runId !== "string" || !isCount(partition) || !isCount(epoch)) return null;
  return { runId, partition, epoch };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
