import type { RunEvent } from "../../job/run-events.js";
import { count, counted } from "../../text/human.js";
import { summarised } from "../../text/summarised.js";

/** A line that an event is worth. `detail` is for whoever wants everything. */
export interface EventLine {
  readonly level: "info" | "warning" | "detail";
  readonly text: string;
}

/** How much is said: `usual` leaves out what happens to each partition. */
export type Lines = "all" | "usual" | "warnings";

export function isSaid({ level }: EventLine, lines: Lines): boolean {
  return level === "warning" || lines === "all" || (lines === "usual" && level === "info");
}

/** Sentences for what people should know while a run is under way. The end of a run is told by the summary. */
export function eventLines(event: RunEvent): readonly EventLine[] {
  switch (event.type) {
    case "run.started":
      return event.resumed ? [info(`resuming run ${event.runId}: what was accepted is kept`)] : [];
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
          `${event.reason} ${counted(event.partitions, "partition")} that it had done ` +
            `${event.partitions === 1 ? "is" : "are"} dropped; ${event.by} reads everything anew`,
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

/** What feeds each input. A model with an input a column has dozens, all found in the same way. */
function foundLines(found: readonly string[]): readonly EventLine[] {
  const lines = summarised(found);
  if (lines.length === found.length) return found.map(info);
  return [
    ...lines.map((line) => info(found.includes(line) ? line : `${line} (-v names them)`)),
    ...found.filter((line) => !lines.includes(line)).map(detail),
  ];
}

const outcome = {
  pending: "failed and will be tried again",
  failed: "failed for good",
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
