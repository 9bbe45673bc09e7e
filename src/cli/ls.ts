import type { Command } from "commander";
import { SpecError } from "../errors.js";
import { type ListFilter, listPartitions, listRuns } from "../service/list.js";
import { count, duration } from "../text/human.js";
import { showJobs } from "./listing/jobs.js";
import { showTicks } from "./listing/ticks.js";
import { inColourOf, instantText } from "./output/run-text.js";
import { renderTable } from "./output/table.js";
import { type Cli, printJson } from "./shell/context.js";
import { declareWords, inWords, wholeNumber } from "./shell/options.js";

interface LsFlags {
  readonly limit?: number;
  readonly job?: string;
}

const usualLimit = 20;

/** What can be listed. */
const lists = ["jobs", "runs", "ticks", "partitions"] as const;

export function declare(command: Command): void {
  declareWords(command, lists);
  command
    .option("--limit <n>", `runs or ticks to list, newest first (default: ${usualLimit})`, wholeNumber(1))
    .option("--job <name>", "only runs or ticks of this job");
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const [given, runId] = command.args;
  const what = lists.find((list) => list === given);
  const flags = command.opts<LsFlags>();
  if (what === undefined)
    throw new SpecError("usage.invalid-argument", `there is no list of \`${given}\``, {
      hint: `Choose ${inWords(lists)}.`,
    });
  if (runId !== undefined && what !== "partitions")
    throw new SpecError("usage.excess-arguments", `\`ls ${what}\` takes no run`, {
      hint: `Did you mean \`nightshift ls partitions ${runId}\`?`,
    });
  const { limit = usualLimit, ...filter } = flags;
  switch (what) {
    case "jobs":
      refuseFilter(what, flags);
      return showJobs(cli);
    case "runs":
      return showRuns(cli, { limit, ...filter });
    case "ticks":
      return showTicks(cli, { limit, ...filter });
    case "partitions":
      refuseFilter(what, flags);
      return showPartitions(cli, runId);
  }
}

function refuseFilter(what: string, { limit, job }: LsFlags): void {
  if (limit === undefined && job === undefined) return;
  const option = limit === undefined ? "--job" : "--limit";
  throw new SpecError("usage.invalid-argument", `${option} is for runs and ticks: \`ls ${what}\` lists all`, {
    hint: "Leave it out.",
  });
}

async function showRuns(cli: Cli, filter: ListFilter): Promise<number> {
  const app = await cli.app();
  const runs = await listRuns(app, filter);
  if (cli.globals.json) {
    printJson(
      cli.out,
      runs.map(({ state, status }) => ({ ...state, shown: status })),
    );
    return 0;
  }
  if (runs.length === 0) {
    cli.err.line(`no run is recorded in ${(await app.ledger()).place}`);
    return 0;
  }
  const { paint } = cli.out;
  const columns = [
    { title: "run", style: paint.bold, whole: true as const },
    { title: "status", style: (cell: string) => inColourOf(cell.trim(), cell, paint), whole: true as const },
    { title: "rows", align: "right" as const, spare: 1 },
    { title: "quarantined", align: "right" as const, spare: 3 },
    { title: "took", align: "right" as const, spare: 4 },
    { title: "started", whole: true as const, spare: 2 },
  ];
  const rows = runs.map(({ state, status }) => [
    state.run.id,
    status,
    count(state.accepted.rows.read),
    count(state.accepted.rows.quarantined),
    duration(Math.max(0, (Date.parse(state.updatedAt) - Date.parse(state.startedAt)) / 1000)),
    instantText(state.startedAt),
  ]);
  cli.out.line(renderTable(columns, rows, cli.out));
  return 0;
}

async function showPartitions(cli: Cli, runId: string | undefined): Promise<number> {
  const partitions = await listPartitions(await cli.app(), runId);
  if (cli.globals.json) {
    printJson(cli.out, partitions);
    return 0;
  }
  const columns = [
    { title: "partition", align: "right" as const },
    { title: "status" },
    { title: "rows", align: "right" as const },
    { title: "quarantined", align: "right" as const },
    { title: "epoch", align: "right" as const },
    { title: "attempts", align: "right" as const },
    { title: "last error" },
  ];
  const rows = partitions.map((partition) => [
    String(partition.index),
    partition.status,
    count(partition.rows),
    count(partition.receipt?.rows.quarantined ?? 0),
    String(partition.epoch),
    String(partition.attempts),
    partition.lastError?.message ?? "",
  ]);
  cli.out.line(renderTable(columns, rows, cli.out));
  return 0;
}
