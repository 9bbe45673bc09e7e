/** A message is a ref and nothing else: numbers and a run's id. */
import type { PartitionRef } from "../../job/partition.js";

/**
 * Names a message. The epoch is part of the name: a partition's next message must not be taken for its last one, which
 * the queue may still hold. Without a colon, which BullMQ keeps for itself.
 */
export function messageId({ runId, partition, epoch }: PartitionRef): string {
  return [runId, partition, epoch].join("-");
}

/** `null` for anything else that somebody put into the queue. */
export function readMessage(data: unknown): PartitionRef | null {
  if (typeof data !== "object" || data === null) return null;
  const { runId, partition, epoch } = data as { readonly [name: string]: unknown };
  if (typeof runId !== "string" || !isCount(partition) || !isCount(epoch)) return null;
  return { runId, partition, epoch };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
