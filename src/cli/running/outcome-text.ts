import { dirname } from "node:path";
import { isRunCancelled } from "../../errors.js";
import { placeOf, type WriteSpec } from "../../job/output.js";
import type { RowCounts } from "../../job/partition.js";
import type { Run } from "../../job/run.js";
import { runAgain, startingOver, wayOn } from "../../job/way-on.js";
import type { RunOutcome } from "../../running/run-request.js";
import { shownPath, shownTarget } from "../../service/paths.js";
import type { LiveFile } from "../../sinks/sink.js";
import { bytes, count, counted, duration, rowRate } from "../../text/human.js";
import { shellLine } from "../../text/shell-line.js";
import type { Paint } from "../output/paint.js";
import { renderPairs } from "../output/table.js";

/** A run that this process followed to its end. */
export interface Followed {
  readonly outcome: RunOutcome;
  /** Rows that this process saw accepted; a resumed run's outcome counts those of earlier processes, too. */
  readonly rowsScored: number;
}

/** What is there after a run, asked of the sink. */
export interface Published {
  readonly files: readonly LiveFile[];
  readonly quarantine: readonly string[];
}

export interface OutcomeView extends Followed {
  readonly write: WriteSpec;
  /** `null` where nothing is published. */
  readonly published: Published | null;
  readonly cwd: string;
  /** `nightshift` or `npx nightshift`. */
  readonly program: string;
  readonly verbose: boolean;
  /** Cells of the terminal; `null`: lines are not broken. */
  readonly width?: number | null;
}

/** The end of a run for people; the error of a failed one is shown by the caller. */
export function outcomeText(view: OutcomeView, paint: Paint): string {
  const { outcome, write, cwd } = view;
  const target = namedTarget(write, cwd);
  const warning = outcome.warning === null ? [] : [paint.yellow(`warning: ${outcome.warning}`)];
  switch (outcome.status) {
    case "published":
      return [
        ...warning,
        paint.green(`published to ${target} (publication ${outcome.publication ?? "?"})`),
        "",
        renderPairs([...summary(view, paint), ["next", nextSteps(view).join("\n")]], paint, view.width),
      ].join("\n");
    case "already-published":
      return [
        ...warning,
        `${paint.green("already published")} to ${target}: nothing to do`,
        "",
        renderPairs([...outputPairs(view), ["next", nextSteps(view).join("\n")]], paint, view.width),
      ].join("\n");
    case "skipped":
      return [...warning, "no input, and the job says `on_empty: skip`: nothing was published"].join("\n");
    case "cancelled":
      return [
        ...warning,
        `${paint.yellow(isRunCancelled(outcome.error) ? "cancelled" : "interrupted")}: ${kept(outcome)}; nothing was published`,
        "",
        renderPairs([["next", nextSteps(view).join("\n")]], paint, view.width),
      ].join("\n");
    case "failed": {
      const steps = nextSteps(view);
      return [
        ...warning,
        ...(steps.length === 0 ? [] : ["", renderPairs([["next", steps.join("\n")]], paint)]),
      ].join("\n");
    }
  }
}

/** `rows in = predicted + quarantined + filtered`, with its numbers. */
export function equation(rows: RowCounts): string {
  return (
    `${count(rows.read)} = ${count(rows.predicted)} predicted + ${count(rows.quarantined)} quarantined` +
    ` + ${count(rows.filtered)} filtered`
  );
}

/** What a finished run did, without what to do next. */
function summary(view: OutcomeView, paint: Paint): readonly (readonly [string, string])[] {
  const { outcome, verbose } = view;
  return [
    ["rows in", equation(outcome.rows)],
    ...changesPairs(outcome, paint),
    speedPair(view),
    ...providerPairs(outcome),
    ...(verbose ? [["thread time", threadTime(outcome)] as const] : []),
    ...outputPairs(view),
    ...quarantinePairs(view, paint),
    ...nulledPairs(view, paint),
    ...nanPairs(view, paint),
    ...contradictionPairs(outcome, paint),
  ];
}

/** What an upsert did: rows that are older than those of the table leave it as it is. */
function changesPairs({ changes }: RunOutcome, paint: Paint): readonly (readonly [string, string])[] {
  if (changes === undefined) return [];
  const { inserted, updated, unchanged = 0, older, deleted } = changes;
  const parts = [
    `${count(inserted)} inserted`,
    `${count(updated)} updated`,
    ...(unchanged > 0 ? [`${count(unchanged)} unchanged`] : []),
    ...(deleted > 0 ? [`${count(deleted)} deleted`] : []),
    ...(older > 0 ? [`${count(older)} older than what is there`] : []),
  ].join(", ");
  const isAsBefore = older > 0 && inserted + updated + unchanged + deleted === 0;
  return [["table", isAsBefore ? paint.yellow(`as it was: ${parts}`) : parts]];
}

/** What this process did in its time; a resumed run has rows from before. */
export function speedPair({ outcome, rowsScored }: Followed): readonly [string, string] {
  const time = duration(outcome.seconds);
  if (rowsScored === 0) return ["time", time];
  const resumed =
    rowsScored < outcome.rows.read ? ` for the ${counted(rowsScored, "row")} that were left` : "";
  return ["speed", `${rowRate(rowsScored / outcome.seconds)}, ${time}${resumed}`];
}

/** The CPU goes without saying. */
function providerPairs({ provider }: RunOutcome): readonly (readonly [string, string])[] {
  return provider === null || provider === "cpu" ? [] : [["provider", provider]];
}

function outputPairs({ published, write, cwd }: OutcomeView): readonly (readonly [string, string])[] {
  if (published === null) return [];
  const place = placeOf(write);
  if (place.is === "table") return [["output", namedTarget(write, cwd)]];
  const size = bytes(published.files.reduce((sum, file) => sum + file.bytes, 0));
  const shape = place.isDirectory ? `${counted(published.files.length, "file")}, ${size}` : size;
  return [["output", `${namedTarget(write, cwd)} (${shape})`]];
}

/** A trailing slash distinguishes a directory from a file. */
function namedTarget(write: WriteSpec, cwd: string): string {
  const place = placeOf(write);
  const isDirectory = place.is === "path" && place.isDirectory;
  return `${shownTarget(write, cwd)}${isDirectory ? "/" : ""}`;
}

function quarantinePairs(view: OutcomeView, paint: Paint): readonly (readonly [string, string])[] {
  const { outcome, published, write, cwd } = view;
  const [first] = published?.quarantine ?? [];
  const place = placeOf(write);
  const table = published === null || place.is === "path" ? null : place.quarantine;
  if (outcome.rows.quarantined === 0 || (first === undefined && table === null)) return [];
  const where = first === undefined ? (table ?? "") : `${shownPath(dirname(first), cwd)}/`;
  return [
    [
      "quarantine",
      `${where}\n${paint.yellow(`${counted(outcome.rows.quarantined, "row")}: ${reasonsText(outcome)}`)}`,
    ],
  ];
}

/** Rows that stayed without a prediction, under `on_row_error: emit_null`: readers will meet them. */
function nulledPairs({ outcome }: OutcomeView, paint: Paint): readonly (readonly [string, string])[] {
  const nulled = nulledRows(outcome);
  if (nulled === 0) return [];
  const rows = `${counted(nulled, "row")} with null predictions`;
  return [["nulls", paint.yellow(outcome.rows.quarantined > 0 ? rows : `${rows}: ${reasonsText(outcome)}`)]];
}

/** Rows for which the model gave no number: it said nothing of them, and readers will meet them. */
function nanPairs({ outcome }: OutcomeView, paint: Paint): readonly (readonly [string, string])[] {
  const { nanRows = 0 } = outcome.stats;
  return nanRows === 0
    ? []
    : [["NaN", paint.yellow(`${counted(nanRows, "row")} with a prediction that is NaN`)]];
}

/** The model's own rule decided otherwise than its probabilities: nothing is changed, and people should know. */
function contradictionPairs({ stats }: RunOutcome, paint: Paint): readonly (readonly [string, string])[] {
  const { contradictions = 0 } = stats;
  if (contradictions === 0) return [];
  return [
    [
      "labels",
      paint.yellow(`${counted(contradictions, "row")} with a label that is not the most probable class`),
    ],
  ];
}

/** Whether rows stayed without a prediction in a run that was published. */
export function hasFailedRows(outcome: RunOutcome): boolean {
  return outcome.rows.quarantined > 0 || nulledRows(outcome) > 0;
}

function nulledRows({ reasons, rows }: RunOutcome): number {
  return Object.values(reasons).reduce((sum, number) => sum + number, 0) - rows.quarantined;
}

function reasonsText({ reasons }: RunOutcome): string {
  return Object.entries(reasons)
    .sort(([, a], [, b]) => b - a)
    .map(([code, rows]) => `${count(rows)} ${code}`)
    .join(", ");
}

function threadTime({ stats }: RunOutcome): string {
  const total = Object.values(stats.seconds).reduce((sum, seconds) => sum + seconds, 0);
  const steps = Object.entries(stats.seconds)
    .filter(([, seconds]) => total > 0 && seconds / total >= 0.005)
    .map(([step, seconds]) => `${step} ${Math.round((seconds / total) * 100)}%`);
  return `${steps.join(", ")}; ${bytes(stats.bytesRead)} read, ${bytes(stats.bytesWritten)} written`;
}

function kept({ rows }: RunOutcome): string {
  return rows.read === 0 ? "nothing was scored yet" : `${counted(rows.read, "row")} are scored and kept`;
}

function nextSteps(view: OutcomeView): readonly string[] {
  const { outcome, write, cwd, program } = view;
  const say = (...words: readonly string[]) => `${program} ${shellLine(...words)}`;
  const runId = outcome.run?.id;
  const place = placeOf(write);
  if (outcome.status === "cancelled") return runId === undefined ? [] : [say("retry", runId)];
  if (outcome.status === "failed")
    return outcome.run === null ? [] : [say("errors", outcome.run.id), afterFailure(outcome.run, view)];
  return hasFailedRows(outcome) && runId !== undefined
    ? [say("errors", runId)]
    : place.is === "path"
      ? [say("inspect", shownPath(place.path, cwd))]
      : runId === undefined
        ? []
        : [say("status", runId)];
}

/** A run that its own plan keeps from succeeding is not offered again. */
function afterFailure(run: Run, { outcome: { error }, cwd, program }: OutcomeView): string {
  if (error === null || wayOn(error) === "retry") return `${program} ${shellLine("retry", run.id)}`;
  return run.specPath === null
    ? `the same command with ${startingOver(run.id).join(" ")}, once the cause is put right`
    : `${program} ${runAgain(shownPath(run.specPath, cwd), run.job, ...startingOver(run.id))}`;
}
