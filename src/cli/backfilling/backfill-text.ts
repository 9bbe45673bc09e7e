/** What a backfill is about to do, and what each interval came to. */

import { isRunCancelled } from "../../errors.js";
import { isInputMissing } from "../../running/wait-for-input.js";
import type { Decision, IntervalEnd } from "../../service/backfill.js";
import { count, counted, duration } from "../../text/human.js";
import { intervalLabel } from "../../time/interval.js";
import type { Paint } from "../output/paint.js";
import { padEnd, padStart } from "../output/text-width.js";

/** Every interval with its reason; neighbours that are skipped for the same one share a line. */
export function decisionsText(name: string, decisions: readonly Decision[], paint: Paint): string {
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
