import type { RunEvent } from "../../job/run-events.js";
import { count, counted } from "../../text/human.js";
import { summarised } from "../../text/summarised.js";

/** A line of text for an event. The level `detail` is for verbose output. */
export interface EventLine {
  readonly level: "info" | "warning" | "detail";
  readonly text: string;
}

/** Verbosity: `usual` omits events of single partitions. */
export type Lines = "all" | "usual" | "warnings";

export function isSaid({ level }: EventLine, lines: Lines): boolean {
  return level === "warning" || lines === "all" || (lines === "usual" && level === "info");
}

/**
 * Returns lines for the user about a running run. The end of a run is not included, because the summary
 * reports it.
 */
export function eventLines(event: RunEvent): readonly EventLine[] {
  switch (event.type) {
    case "run.started":
      return event.resumed ? [info(`resuming run ${event.runId}: accepted partitions are kept`)] : [];
    case "run.planned":
      return [
        ...foundLines(event.found),
        ...event.warnings.map(warning),
        info(
          `${event.totals.rowsEstimated === true ? "about " : ""}${counted(event.totals.rows, "row")}` +
            `${event.totals.files === 0 ? "" : ` in ${counted(event.totals.files, "file")}`}: ` +
            `${counted(event.totals.partitions, "partition")} ${placeOf(event)}` +
            `${event.provider === "cpu" ? "" : `, the model on ${event.provider}`}`,
        ),
      ];
    case "partition.started":
      return [detail(`partition ${event.partition} started, epoch ${event.epoch}`)];
    case "partition.accepted":
      return [detail(`partition ${event.partition} accepted: ${counted(event.rows.read, "row")}`)];
    case "partition.fenced":
      return [detail(`partition ${event.partition}: a late attempt at epoch ${event.epoch} was fenced`)];
    case "partition.failed":
      return [warning(`partition ${event.partition} ${outcome[event.next]}: ${event.error.message}`)];
    case "run.superseded":
      return [
        warning(
          `${event.reason} ${counted(event.partitions, "partition")} that it had accepted ` +
            `${event.partitions === 1 ? "is" : "are"} dropped; ${event.by} reads the whole input again`,
        ),
      ];
    case "host.died":
      return [
        warning(
          `the worker host died (${event.reason}); ${partitions(event.partitions)} ` +
            `${event.partitions.length === 1 ? "runs" : "run"} again, alone`,
        ),
      ];
    default:
      return [];
  }
}

function placeOf({ threads, workers }: Extract<RunEvent, { type: "run.planned" }>): string {
  if (workers === undefined) return `on ${counted(threads, "thread")}`;
  if (workers.count === 0) return "over the queue, where no worker takes them yet";
  return `on ${counted(workers.count, "worker")} with ${counted(workers.threads, "thread")}`;
}

/**
 * Lines about what feeds each input. A model with one input a column has dozens, all found in the same way.
 */
function foundLines(found: readonly string[]): readonly EventLine[] {
  const lines = summarised(found);
  if (lines.length === found.length) return found.map(info);
  return [
    ...lines.map((line) => info(found.includes(line) ? line : `${line} (-v names them)`)),
    ...found.filter((line) => !lines.includes(line)).map(detail),
  ];
}

const outcome = {
  pending: "failed and will be retried",
  failed: "failed permanently",
  poisoned: "kills its worker host and is set aside",
} as const;

function partitions(indexes: readonly number[]): string {
  if (indexes.length === 1) return `partition ${indexes[0]}`;
  if (indexes.length > 8) return `${count(indexes.length)} partitions`;
  return `partitions ${indexes.join(", ")}`;
}

function info(text: string): EventLine {
  return { level: "info", text };
}

function warning(text: string): EventLine {
  return { level: "warning", text };
}

function detail(text: string): EventLine {
  return { level: "detail", text };
}
