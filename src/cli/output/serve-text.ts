import { asNightshiftError, toErrorRecord } from "../../errors.js";
import { shownPath } from "../../service/paths.js";
import type { ServiceEvent } from "../../service/serve.js";
import { type LogEntry, type LogFields, type LogLevel, logText } from "../../text/log-text.js";
import { type UnprotectedLink, unprotectedEntry } from "../doctor/protection.js";

export type ServeEvent =
  | ServiceEvent
  /** The ledger or the queue is on another machine, and its URL does not ask for TLS. */
  | ({ readonly type: "connection.unprotected" } & UnprotectedLink);

/** One line of a service's log. */
export function serveLine(event: ServeEvent, cwd: string, at: Date): string {
  return logText(at, entryOf(event, cwd));
}

function entryOf(event: ServeEvent, cwd: string): LogEntry {
  switch (event.type) {
    case "spec.loaded":
    case "spec.changed":
    case "spec.removed":
      return entry("info", event.type, { job: event.job, spec: shownPath(event.path, cwd) });
    case "spec.broken":
      return entry("error", event.type, {
        ...{ spec: shownPath(event.path, cwd), serves: event.kept === null ? "nothing" : "last-good" },
        ...{ job: event.kept, ...errorFields(event.error) },
      });
    case "tick.decided": {
      const { at: tick, verdict, reason } = event.tick;
      return entry(verdict === "missed" ? "warn" : "info", event.type, {
        job: event.job,
        tick,
        verdict,
        reason,
      });
    }
    case "tick.started":
      return entry("info", event.type, { job: event.job, tick: event.at, again: event.again });
    case "tick.ended": {
      const { status, runId, error } = event.end;
      const fields = { job: event.job, tick: event.at, status, run: runId, code: error };
      return entry(status === "failed" ? "error" : "info", event.type, fields);
    }
    case "tick.waiting": {
      const { status, until, nextAt, reason, attempts } = event.progress;
      return entry("warn", event.type, {
        ...{ job: event.job, tick: event.at, status, until, next: nextAt, attempts: attempts.length },
        ...{ code: reason.code, reason: reason.message },
      });
    }
    case "tick.elsewhere":
      return entry("info", event.type, { job: event.job, tick: event.at });
    case "run.asked":
      return entry("info", event.type, { job: event.job, run: event.run, again: event.again });
    case "run.elsewhere":
      return entry("info", event.type, { job: event.job, run: event.run });
    case "run.ended": {
      const why = event.error === null ? {} : errorFields(event.error);
      const fields = { job: event.job, run: event.run, status: event.status, ...why };
      return entry(event.status === "failed" ? "error" : "info", event.type, fields);
    }
    case "run.finished": {
      const { job, interval, runId, status, rows, seconds, error } = event.end;
      return entry(status === "failed" ? "error" : "info", event.type, {
        ...{ job, interval: interval?.start, run: runId, status, rows: rows.read, predicted: rows.predicted },
        ...{ quarantined: rows.quarantined, seconds: Math.round(seconds * 1000) / 1000 },
        ...(error === null ? {} : errorFields(error)),
      });
    }
    case "api.listening":
      return entry("info", event.type, { url: event.url });
    case "connection.unprotected":
      return unprotectedEntry(event);
    case "serve.failed":
      return entry("error", event.type, errorFields(asNightshiftError(event.error)));
    case "schedule.failed":
      return entry("error", event.type, { job: event.job, ...errorFields(asNightshiftError(event.error)) });
  }
}

/** The message is the event's type in words: log collectors group by it. */
function entry(level: LogLevel, type: string, fields: LogFields): LogEntry {
  return { level, message: type.replace(".", " "), fields };
}

function errorFields({ code, message }: { readonly code: string; readonly message: string }): LogFields {
  return { code, error: message };
}

/** The same as a line of NDJSON. */
export function serveJson(event: ServeEvent, at: Date): string {
  const error = "error" in event && event.error !== null ? { error: toErrorRecord(event.error) } : {};
  // What is about a run names it in the same place, whatever the event.
  const run = event.type === "run.finished" ? { job: event.end.job, runId: event.end.runId } : {};
  return JSON.stringify({ loggedAt: at.toISOString(), ...event, ...run, ...error });
}
