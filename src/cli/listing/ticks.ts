/** `ls ticks`: what became of the instants of schedules, newest first. */
import type { TickProgress } from "../../ledgers/schedule-store.js";
import { type ListFilter, listTicks } from "../../service/list.js";
import { counted } from "../../text/human.js";
import { instantText } from "../output/run-text.js";
import { renderTable } from "../output/table.js";
import { type Cli, printJson } from "../shell/context.js";

export async function showTicks(cli: Cli, filter: ListFilter): Promise<number> {
  const newest = await listTicks(cli, filter);
  if (cli.globals.json) {
    printJson(cli.out, newest);
    return 0;
  }
  if (newest.length === 0) {
    cli.err.line("no tick is recorded: `nightshift serve --embedded` follows schedules");
    return 0;
  }
  const columns = [
    { title: "tick", whole: true as const },
    { title: "job", style: cli.out.paint.bold },
    { title: "verdict" },
    { title: "run ended" },
    { title: "why" },
  ];
  const rows = newest.map(({ at, job: name, verdict, reason, end, progress }) => [
    instantText(at),
    name,
    verdict,
    verdict !== "fired" ? "" : (end?.status ?? progress?.status ?? "not yet"),
    reason ?? end?.error ?? (end === null ? whyOpen(progress) : ""),
  ]);
  cli.out.line(renderTable(columns, rows, cli.out));
  return 0;
}

function whyOpen(progress: TickProgress | null | undefined): string {
  if (progress === null || progress === undefined) return "";
  const { until, nextAt, reason, attempts } = progress;
  const tries = attempts.length === 0 ? "" : ` after ${counted(attempts.length, "failed attempt")}`;
  return `${until === null ? `again at ${instantText(nextAt)}${tries}` : `until ${instantText(until)}`}: ${reason.message}`;
}
