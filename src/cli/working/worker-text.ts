/** What a worker tells of itself: lines for people, and NDJSON in the words of run events. */

import type { WorkerEvent } from "../../queue-worker.js";
import type { RunEventBody } from "../../run-events.js";
import { counted } from "../../text/human.js";

type Told = Exclude<WorkerEvent, { type: "progress" }>;

/** As the run's coordinator would tell it; `null` for what is a worker's alone. */
export function runEventOf(event: WorkerEvent): RunEventBody | null {
  switch (event.type) {
    case "started":
      return { type: "partition.started", ...event.ref, attemptId: event.attemptId };
    case "accepted": {
      const { ref, attemptId, rows, stats } = event.receipt;
      return { type: "partition.accepted", ...ref, attemptId, rows, stats };
    }
    case "fenced":
      return {
        ...{ type: "partition.fenced", ...event.ref },
        ...{ attemptId: event.attemptId, refused: event.refused },
      };
    case "failed": {
      const { attemptId, error, next } = event.failure;
      return {
        ...{ type: "partition.failed", ...event.ref },
        ...{ attemptId: attemptId === "" ? null : attemptId, error, next },
      };
    }
    case "host-died": {
      const { reason, cause, partitions } = event;
      return { type: "host.died", reason, cause, partitions };
    }
    default:
      return null;
  }
}

export function workerJson(event: Told, at: Date): string {
  return JSON.stringify({ at: at.toISOString(), ...(runEventOf(event) ?? ownEvent(event)) });
}

function ownEvent(event: Told): object {
  if (event.type === "ledger-failed") return { type: "ledger.failed", error: messageOf(event.error) };
  return "ref" in event ? { type: `partition.${event.type}`, ...event.ref } : event;
}

/** Work that goes as it should is told with `--verbose` only. */
export function workerLine(event: Told, verbose: boolean): string | null {
  switch (event.type) {
    case "started":
      return verbose ? `${nameOf(event.ref)}: started` : null;
    case "accepted":
      return verbose ? `${nameOf(event.ref)}: accepted, ${counted(event.receipt.rows.read, "row")}` : null;
    case "outdated":
      return verbose ? `${nameOf(event.ref)}: an outdated message, nothing to do` : null;
    case "fenced":
      return `${nameOf(event.ref)}: somebody else has it by now`;
    case "failed":
      return `${nameOf(event.ref)}: ${event.error.message}`;
    case "host-died":
      return event.reason;
    case "ledger-failed":
      return `the ledger failed: ${messageOf(event.error)}`;
  }
}

function nameOf({ runId, partition, epoch }: { runId: string; partition: number; epoch: number }): string {
  return `${runId} partition ${partition} (epoch ${epoch})`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
