/** Output of a worker: lines for users, and NDJSON in the form of run events. */

import type { RunEventBody } from "../../job/run-events.js";
import type { LogEntry, LogFields, LogLevel } from "../../text/log-text.js";
import type { WorkerEvent } from "../../worker/queue-worker.js";

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

/** One line of a worker's log, or `null`. Partitions that go as they should are logged with `--verbose` only. */
export function workerEntry(event: Told, verbose: boolean): LogEntry | null {
  const entry = (level: LogLevel, message: string, fields: LogFields): LogEntry => ({
    level,
    message,
    fields,
  });
  switch (event.type) {
    case "started":
      return verbose ? entry("info", "partition started", fieldsOf(event.ref)) : null;
    case "accepted": {
      const rows = event.receipt.rows.read;
      return verbose ? entry("info", "partition accepted", { ...fieldsOf(event.ref), rows }) : null;
    }
    case "outdated":
      return verbose ? entry("info", "message outdated", fieldsOf(event.ref)) : null;
    case "fenced":
      return entry("warn", "partition fenced", { ...fieldsOf(event.ref), refused: event.refused });
    case "failed": {
      const { code, message } = event.error;
      const { next } = event.failure;
      return entry("error", "partition failed", { ...fieldsOf(event.ref), next, code, error: message });
    }
    case "host-died":
      return entry("error", "host died", { cause: event.cause, reason: event.reason });
    case "ledger-failed":
      return entry("error", "ledger failed", { error: messageOf(event.error) });
  }
}

function fieldsOf({
  runId,
  partition,
  epoch,
}: {
  runId: string;
  partition: number;
  epoch: number;
}): LogFields {
  return { run: runId, partition, epoch };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
