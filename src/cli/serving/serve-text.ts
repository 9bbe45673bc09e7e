import { asNightshiftError, toErrorRecord } from "../../errors.js";
import type { SchedulerEvent } from "../../scheduler.js";
import type { Paint } from "../output/paint.js";
import { shownPath } from "../output/paths.js";
import { instantText } from "../output/run-text.js";
import type { AskedEvent } from "./asked-runs.js";
import type { FolderEvent } from "./spec-folder.js";

export type ServeEvent =
  | SchedulerEvent
  | FolderEvent
  | AskedEvent
  | { readonly type: "api.listening"; readonly url: string }
  | { readonly type: "serve.failed"; readonly error: unknown };

/** One line of a service's log, for people. */
export function serveLine(event: ServeEvent, cwd: string, paint: Paint): string {
  switch (event.type) {
    case "spec.loaded":
    case "spec.changed":
    case "spec.removed":
      return `${paint.bold(event.job)}: ${event.type.slice("spec.".length)} ${shownPath(event.path, cwd)}`;
    case "spec.broken": {
      const kept = event.kept === null ? "" : `; ${event.kept} goes on as it was`;
      return paint.red(`${shownPath(event.path, cwd)} is broken${kept}: ${event.error.message}`);
    }
    case "tick.decided": {
      const { at, verdict, reason } = event.tick;
      const text = `${paint.bold(event.job)} ${instantText(at)} ${verdict}${reason === null ? "" : `: ${reason}`}`;
      return verdict === "missed" ? paint.yellow(text) : text;
    }
    case "tick.started":
      return `${paint.bold(event.job)} ${instantText(event.at)} ${event.again ? "started again" : "started"}`;
    case "tick.ended": {
      const { status, runId, error } = event.end;
      const text = [status, runId, error].filter((part) => part !== null).join(" ");
      const colour = status === "failed" ? paint.red : paint.green;
      return `${paint.bold(event.job)} ${instantText(event.at)} ${colour(text)}`;
    }
    case "tick.waiting": {
      const { status, until, nextAt, reason } = event.progress;
      const when = until === null ? `again at ${instantText(nextAt)}` : `until ${instantText(until)}`;
      return paint.yellow(`${event.job} ${instantText(event.at)} ${status} ${when}: ${reason.message}`);
    }
    case "tick.elsewhere":
      return `${paint.bold(event.job)} ${instantText(event.at)} runs in another process`;
    case "run.asked":
      return `${paint.bold(event.run)} ${event.again ? "was asked for before; it goes on" : "was asked for"}`;
    case "run.elsewhere":
      return `${paint.bold(event.run)} runs in another process`;
    case "run.ended": {
      const colour = event.status === "failed" ? paint.red : paint.green;
      const why = event.error === null ? "" : `: ${event.error.message}`;
      return `${paint.bold(event.run)} ${colour(`${event.status}${why}`)}`;
    }
    case "api.listening":
      return `listening on ${event.url}`;
    case "serve.failed":
      return paint.red(asNightshiftError(event.error).message);
    case "schedule.failed":
      return paint.red(`${event.job}: ${asNightshiftError(event.error).message}`);
  }
}

/** The same as a line of NDJSON. */
export function serveJson(event: ServeEvent, at: Date): string {
  const error = "error" in event && event.error !== null ? { error: toErrorRecord(event.error) } : {};
  return JSON.stringify({ loggedAt: at.toISOString(), ...event, ...error });
}
