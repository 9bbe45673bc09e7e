/** What people and machines are told of a backfill, before, during and after it. */

import { toErrorRecord } from "../../errors.js";
import type { Decision, IntervalEnd } from "../../service/backfill.js";
import { counted, duration } from "../../text/human.js";
import { shellLine } from "../../text/shell-line.js";
import { errorText } from "../output/error-text.js";
import { logLine } from "../output/log-line.js";
import { renderPairs } from "../output/table.js";
import { outcomeRecord } from "../running/follow-run.js";
import { hasFailedRows } from "../running/outcome-text.js";
import type { Cli } from "../shell/context.js";
import { decisionsText, endLine } from "./backfill-text.js";
import { gridAfter } from "./grid-after.js";
import type { JobIntervals } from "./job-intervals.js";

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
