import type { Command } from "commander";
import { SpecError } from "../errors.js";
import type { PartitionState } from "../job/partition.js";
import type { RunState } from "../job/run.js";
import { runFor, type ShownStatus, statusCheck } from "../service/run-status.js";
import { count, duration } from "../text/human.js";
import { listJobs } from "./listing/jobs.js";
import { type ListFilter, listTicks } from "./listing/ticks.js";
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
      return listJobs(cli);
    case "runs":
      return listRuns(cli, { limit, ...filter });
    case "ticks":
      return listTicks(cli, { limit, ...filter });
    case "partitions":
      refuseFilter(what, flags);
      return listPartitions(cli, runId);
  }
}

function refuseFilter(what: string, { limit, job }: LsFlags): void {
  if (limit === undefined && job === undefined) return;
  const option = limit === undefined ? "--job" : "--limit";
  throw new SpecError("usage.invalid-argument", `${option} is for runs and ticks: \`ls ${what}\` lists all`, {
    hint: "Leave it out.",
  });
}

async function listRuns(cli: Cli, { limit, job }: ListFilter): Promise<number> {
  const ledger = await (await cli.app()).ledger();
  const runs: RunState[] = [];
  for await (const state of ledger.listRuns(job === undefined ? {} : { jobName: job })) {
    runs.push(state);
    if (runs.length === limit) break;
  }
  const statusOf = await statusCheck(await cli.app());
  const statuses: ShownStatus[] = [];
  for (const state of runs) statuses.push(await statusOf(state));
  if (cli.globals.json) {
    printJson(
      cli.out,
      runs.map((state, index) => ({ ...state, shown: statuses[index] })),
    );
    return 0;
  }
  if (runs.length === 0) {
    cli.err.line(`no run is recorded in ${ledger.place}`);
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
  const rows = runs.map((state, index) => [
    state.run.id,
    statuses[index] ?? state.status,
    count(state.accepted.rows.read),
    count(state.accepted.rows.quarantined),
    duration(Math.max(0, (Date.parse(state.updatedAt) - Date.parse(state.startedAt)) / 1000)),
    instantText(state.startedAt),
  ]);
  cli.out.line(renderTable(columns, rows, cli.out));
  return 0;
}

async function listPartitions(cli: Cli, runId: string | undefined): Promise<number> {
  const ledger = await (await cli.app()).ledger();
  const { run } = await runFor(ledger, runId);
  const partitions: PartitionState[] = [];
  for await (const partition of ledger.listPartitions(run.id)) partitions.push(partition);
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
