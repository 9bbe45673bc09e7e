import type { PartitionStatus } from "../../job/partition.js";
import { hasEnded, type RunState, type RunStatus } from "../../job/run.js";
import type { PartitionCounts } from "../../ledgers/ledger.js";
import type { ShownStatus } from "../../service/run-status.js";
import { count, counted, duration, percent } from "../../text/human.js";
import { equation } from "../running/outcome-text.js";
import type { Paint } from "./paint.js";
import { renderPairs, type TableOptions } from "./table.js";

/** A text in the colour of a run's status. */
export function inColourOf(status: string, text: string, paint: Paint): string {
  const colour = colours[status];
  return colour === undefined ? text : paint[colour](text);
}

type Colour = "cyan" | "green" | "red" | "yellow" | "dim";

const byStatus: { readonly [status in RunStatus]: Colour } = {
  created: "cyan",
  planned: "cyan",
  running: "cyan",
  publishing: "cyan",
  published: "green",
  failed: "red",
  cancelled: "yellow",
  dropped: "dim",
};

const colours: { readonly [status: string]: Colour | undefined } = {
  ...byStatus,
  interrupted: "yellow",
  "rolled back": "yellow",
  unknown: "yellow",
};

/** Instants as people compare them: UTC to the second. */
export function instantText(iso: string): string {
  return `${iso.slice(0, 19).replace("T", " ")}Z`;
}

/** Everything the ledger tells about one run. */
export function runText(
  state: RunState,
  partitions: PartitionCounts,
  shown: ShownStatus,
  program: string,
  { paint, width }: TableOptions,
): string {
  const { run, totals, provider, accepted, error } = state;
  const isInterrupted = shown === "interrupted";
  const done =
    totals === null || totals.rows === 0 || totals.rowsEstimated === true
      ? ""
      : ` (${percent(accepted.rows.read / totals.rows)})`;
  const pairs: (readonly [string, string])[] = [
    ["run", paint.bold(run.id)],
    [
      "job",
      `${run.jobName}${run.interval === null ? "" : ` for ${run.interval.ds}`}, generation ${run.key.generation}`,
    ],
    ["status", statusOf(state, shown, paint)],
    ["output", run.target],
    [
      "started",
      `${instantText(state.startedAt)}, ${duration(secondsBetween(state.startedAt, state.updatedAt))}`,
    ],
  ];
  if (totals !== null)
    pairs.push(
      ["partitions", partitionCounts(partitions)],
      [
        "rows",
        `${count(accepted.rows.read)} of ${totals.rowsEstimated === true ? "about " : ""}${counted(totals.rows, "row")} accepted${done}`,
      ],
    );
  if (provider !== null) pairs.push(["provider", provider]);
  if (accepted.rows.read > 0) pairs.push(["rows in", equation(accepted.rows)]);
  if (!hasEnded(state) && !isInterrupted && state.owner !== null)
    pairs.push(["owner", `process ${state.owner.pid} on ${state.owner.host}`]);
  if (isInterrupted) pairs.push(["next", `${program} retry ${run.id}`]);
  if (error !== null) pairs.push(["error", paint.red(error.message)]);
  if (error?.hint !== undefined) pairs.push(["try", error.hint]);
  return renderPairs(pairs, paint, width);
}

function statusOf({ status, publication }: RunState, shown: ShownStatus, paint: Paint): string {
  if (shown === "interrupted") return `${inColourOf("interrupted", "interrupted", paint)} while ${status}`;
  const published = publication === null ? "" : ` as publication ${publication}`;
  const hidden = shown === "rolled back" ? `, and ${inColourOf(shown, shown, paint)} since` : "";
  if (shown === "unknown")
    return `${inColourOf(shown, shown, paint)}: it was published${published}, and its output cannot be asked whether that was rolled back`;
  return `${inColourOf(status, status, paint)}${published}${hidden}`;
}

/** `12 accepted, 3 pending`. */
function partitionCounts(partitions: PartitionCounts): string {
  return inOrder
    .flatMap((status) => (partitions[status] === undefined ? [] : [`${count(partitions[status])} ${status}`]))
    .join(", ");
}

const inOrder: readonly PartitionStatus[] = [
  "accepted",
  "running",
  "leased",
  "pending",
  "failed",
  "poisoned",
];

function secondsBetween(from: string, to: string): number {
  return Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
}
