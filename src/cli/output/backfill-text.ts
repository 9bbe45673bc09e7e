/** What a backfill is about to do, and what each interval came to. */
import { isRunCancelled, toErrorRecord } from "../../errors.js";
import { isInputMissing } from "../../running/wait-for-input.js";
import type { IntervalEnd } from "../../service/backfill.js";
import type { Decision } from "../../service/decide-intervals.js";
import type { JobIntervals } from "../../service/job-intervals.js";
import { count, counted, duration } from "../../text/human.js";
import { shellLine } from "../../text/shell-line.js";
import { type Every, intervalLabel } from "../../time/interval.js";
import { outcomeRecord } from "../running/follow-run.js";
import { hasFailedRows } from "../running/outcome-text.js";
import type { Cli } from "../shell/context.js";
import { errorText } from "./error-text.js";
import { type CellState, intervalGrid } from "./interval-grid.js";
import { logLine } from "./log-line.js";
import type { Paint } from "./paint.js";
import { renderPairs } from "./table.js";
import { padEnd, padStart } from "./text-width.js";

/** Every interval with its reason; neighbours that are skipped for the same one share a line. */
function decisionsText(name: string, decisions: readonly Decision[], paint: Paint): string {
  const due = decisions.filter(({ action }) => action === "run").length;
  const skipped = decisions.length - due;
  const head =
    `${paint.bold(name)}: ${counted(due, "interval")} to run` +
    (skipped === 0 ? "" : `, ${count(skipped)} to skip`);
  return [head, ...groups(decisions).map((group) => groupLine(group, paint))].join("\n");
}

export function endLine({ decision, outcome, error }: IntervalEnd, paint: Paint): string {
  const ds = paint.bold(labelOf(decision));
  if (outcome === null || error !== null) {
    if (isRunCancelled(error)) return `${ds}  ${paint.yellow("cancelled")}`;
    if (outcome === null && error !== null && isInputMissing(error))
      return `${ds}  ${paint.red("no input")}  ${error.message}`;
    const status = error?.kind === "cancelled" ? paint.yellow("interrupted") : paint.red("failed");
    return `${ds}  ${status}  ${error?.message ?? ""}`.trimEnd();
  }
  const { status, rows, seconds } = outcome;
  const facts = `${padStart(count(rows.read), 11)} rows  ${paint.green(padEnd("published", 9))}  ${duration(seconds)}`;
  if (status !== "published")
    return `${ds}  ${status === "skipped" ? "skipped: no input" : "already published"}`;
  const quarantined =
    rows.quarantined === 0 ? "" : paint.yellow(`  ${counted(rows.quarantined, "row")} quarantined`);
  return `${ds}  ${facts}${quarantined}`;
}

function labelOf({ interval }: Decision): string {
  return intervalLabel(interval);
}

function groups(decisions: readonly Decision[]): readonly (readonly Decision[])[] {
  const all: Decision[][] = [];
  for (const decision of decisions) {
    const group = all.at(-1);
    const [first] = group ?? [];
    if (group !== undefined && first?.action === decision.action && kindOf(first) === kindOf(decision))
      group.push(decision);
    else all.push([decision]);
  }
  return all;
}

/** Numbers of publications and names of runs differ; what is meant does not. */
function kindOf({ reason }: Decision): string {
  return reason.replace(/ as publication \d+/, "").replace(/works on .*/, "works on it");
}

function groupLine(group: readonly Decision[], paint: Paint): string {
  const [first, last] = [group[0], group.at(-1)];
  if (first === undefined || last === undefined) return "";
  const span =
    group.length === 1 ? labelOf(first) : `${labelOf(first)} to ${labelOf(last)} (${count(group.length)})`;
  const reason = group.length === 1 ? first.reason : kindOf(first);
  const word = first.action === "run" ? paint.green("run ") : paint.dim("skip");
  return `  ${word}  ${padEnd(span, 32)}  ${reason}`;
}

/** Where all intervals of a backfill stand at its end. */
export function gridAfter(
  every: Every,
  decisions: readonly Decision[],
  ends: readonly IntervalEnd[],
  paint: Paint,
): string {
  const ended = new Map(ends.map((end) => [end.decision, end]));
  const cells = decisions.map((decision) => {
    const end = ended.get(decision);
    return { interval: decision.interval, state: end === undefined ? decision.standing : stateAfter(end) };
  });
  return intervalGrid(every, cells, paint);
}

function stateAfter({ decision, outcome, error }: IntervalEnd): CellState {
  if (isRunCancelled(error)) return "cancelled";
  if (error?.kind === "cancelled") return "interrupted";
  // No run was made: the interval stands as before, and `status --job` shows it so.
  if (outcome === null || (error !== null && outcome.run === null)) return decision.standing;
  if (error !== null) return "failed";
  if (outcome.status === "skipped") return "skipped";
  return outcome.rows.quarantined > 0 ? "quarantined" : "published";
}

export function tellDecisions(cli: Cli, name: string, decisions: readonly Decision[]): void {
  const { globals, err } = cli;
  if (globals.json) {
    for (const { interval, action, reason } of decisions)
      logLine(cli, "interval.decided", { job: name, interval, action, reason });
    return;
  }
  if (!globals.quiet) err.line(decisionsText(name, decisions, err.paint));
}

export function tellInterval(cli: Cli, end: IntervalEnd): void {
  const { globals, err } = cli;
  const { decision, outcome, error } = end;
  if (globals.json) {
    const known = outcome === null ? { run: null, status: "failed" } : outcomeRecord(outcome);
    logLine(cli, "interval.outcome", {
      ...{ runId: outcome?.run?.id ?? null, interval: decision.interval, ...known },
      error: error === null ? null : toErrorRecord(error),
    });
    return;
  }
  if (error !== null && outcome?.status !== "cancelled" && globals.verbose)
    err.line(errorText(error, err, true));
  if (!globals.quiet || error !== null) err.line(endLine(end, err.paint));
}

export interface BackfillEnd {
  readonly over: JobIntervals;
  readonly decisions: readonly Decision[];
  readonly ends: readonly IntervalEnd[];
  readonly due: number;
  readonly seconds: number;
  readonly exitCode: number;
  readonly isCancelled: boolean;
}

export function tellEnd(cli: Cli, end: BackfillEnd): void {
  const { over, decisions, ends, due, seconds, exitCode, isCancelled } = end;
  const { globals, out, err } = cli;
  const failed = ends.filter(({ error }) => error !== null && error.kind !== "cancelled").length;
  const done = ends.filter(({ error }) => error === null).length;
  const skipped = decisions.length - due;
  const left = due - done - failed;
  if (globals.json) {
    logLine(cli, "backfill.outcome", {
      job: over.name,
      done,
      failed,
      left,
      skipped,
      seconds,
      exitCode,
      cancelled: isCancelled,
    });
    return;
  }
  if (globals.quiet) return;
  out.line(gridAfter(over.every, decisions, ends, out.paint));
  const each = ends.length === 0 ? "" : `, ${duration(seconds / ends.length)} each`;
  const how = isCancelled ? err.paint.yellow("cancelled: ") : "";
  err.line(
    `\n${how}${counted(done, "interval")} done, ${failed} failed, ${left} not started, ${skipped} skipped in ${duration(seconds)}${each}`,
  );
  const again = [
    ...(failed > 0 ? [`retries the ${failed} that failed`] : []),
    ...(left > 0 ? [`starts the ${left} that were not started`] : []),
  ];
  const looks = failedRowsLooks(ends, cli.program);
  if (looks.length > 0) err.line(renderPairs([["next", looks.join("\n")]], err.paint));
  if (again.length > 0) err.line(`rerun this command to continue: it ${again.join(", and ")}`);
}

const looksShown = 10;

/** The commands that show the rows without predictions of the runs that were published now. */
function failedRowsLooks(ends: readonly IntervalEnd[], program: string): readonly string[] {
  const ids = ends.flatMap(({ outcome }) =>
    outcome?.status === "published" && outcome.run !== null && hasFailedRows(outcome) ? [outcome.run.id] : [],
  );
  const left = ids.length - looksShown;
  return [
    ...ids.slice(0, looksShown).map((id) => `${program} ${shellLine("errors", id)}`),
    ...(left > 0 ? [`and so on for ${counted(left, "run")} more: see ${program} ls runs`] : []),
  ];
}
