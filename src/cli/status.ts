import type { Command } from "commander";
import { SpecError } from "../errors.js";
import { hasEnded, type RunState } from "../job/run.js";
import type { Ledger, PartitionCounts } from "../ledgers/ledger.js";
import type { TickProgress } from "../ledgers/schedule-store.js";
import { decideParts, intervalStanding } from "../service/decide-intervals.js";
import { type IntervalRange, type JobIntervals, jobOverIntervals } from "../service/job-intervals.js";
import { jobFor } from "../service/jobs.js";
import { runFor, type ShownStatus, statusCheck } from "../service/run-status.js";
import { latestCompleteInterval } from "../time/interval.js";
import { type GridCell, intervalGrid } from "./output/interval-grid.js";
import { runText } from "./output/run-text.js";
import { runObservers } from "./running/progress.js";
import { type Cli, printJson } from "./shell/context.js";
import { variable } from "./shell/options.js";

interface StatusFlags {
  readonly watch?: true;
  readonly job?: string;
  readonly from?: string;
  readonly to?: string;
  readonly var?: IntervalRange["var"];
}

export function declare(command: Command): void {
  command
    .option("--watch", "follow the run until it ends")
    .option("--job <job>", "the intervals of a job as a grid, in place of one run")
    .option("--from <instant>", "with --job: the first interval (default: the job's first)")
    .option("--to <instant>", "with --job: the last interval (default: the latest that is over)")
    .option(
      "--var <name=value>",
      "with --job: a value of a variable (default: that of its schedule)",
      variable,
    );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<StatusFlags>();
  if (flags.job !== undefined) return showIntervals(cli, flags.job, flags, command.args[0]);
  refuseRangeOfRun(flags);
  const ledger = await (await cli.app()).ledger();
  const state = await runFor(ledger, command.args[0]);
  const { watch } = flags;
  if (watch === true && (cli.globals.json || !hasEnded(state))) await follow(cli, ledger, state);
  if (watch === true && cli.globals.json) return 0;
  const now = (await ledger.readRun(state.run.id)) ?? state;
  const shown = await (await statusCheck(await cli.app()))(now);
  show(cli, shown, now, await ledger.countPartitions(now.run.id));
  return 0;
}

async function showIntervals(
  cli: Cli,
  given: string,
  { from, to, watch, ...flags }: StatusFlags,
  runId: string | undefined,
): Promise<number> {
  if (runId !== undefined || watch === true)
    throw new SpecError("usage.invalid-argument", "--job shows intervals: it takes no run and no --watch", {
      hint: "Leave one of them out.",
    });
  const over = await jobOverIntervals(cli, given, {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    var: flags.var ?? (await scheduledVars(cli, given)),
  });
  const parts = await decideParts(cli, () => cli.stopGracefully());
  const waiting = await waitingIntervals(cli, over);
  const cells: GridCell[] = [];
  for (const of of over.intervals) {
    const standing = await intervalStanding(of, parts);
    const isOpen = standing === "missing" || standing === "failed";
    const state = (isOpen ? waiting.get(of.interval.start) : undefined) ?? standing;
    cells.push({ interval: of.interval, state });
  }
  if (cli.globals.json) printJson(cli.out, { job: over.name, every: over.every, intervals: cells });
  else cli.out.line(intervalGrid(over.every, cells, cli.out.paint));
  return 0;
}

/** By their starts: those whose tick waits for its input, or for its next try. */
async function waitingIntervals(
  cli: Cli,
  { name, rule }: JobIntervals,
): Promise<ReadonlyMap<string, TickProgress["status"]>> {
  const waiting = new Map<string, TickProgress["status"]>();
  for (const { at, progress } of await (await (await cli.app()).scheduleStore()).open(name)) {
    const interval = latestCompleteInterval(new Date(at), rule);
    if (interval !== null && progress) waiting.set(interval.start, progress.status);
  }
  return waiting;
}

/** A job whose schedule gives values to its variables is shown as the schedule runs it. */
async function scheduledVars(cli: Cli, given: string): Promise<IntervalRange["var"] & object> {
  const quiet = { ...cli, note: () => undefined };
  return (await jobFor(quiet, given, { anyVars: true })).schedule?.vars ?? {};
}

function refuseRangeOfRun({ from, to, ...flags }: StatusFlags): void {
  if (from !== undefined || to !== undefined || flags.var !== undefined)
    throw new SpecError("usage.invalid-argument", "--from, --to and --var are of a job's intervals", {
      hint: "Name the job with --job.",
    });
}

/** Shows the run's events as the process that owns it would, from what it writes to the ledger. */
async function follow(cli: Cli, ledger: Ledger, { run }: RunState): Promise<void> {
  const observers = runObservers(cli);
  try {
    // Looking on can stop at any moment: an interrupt ends this process and not the run.
    for await (const event of ledger.changes(run.id, new AbortController().signal))
      for (const observer of observers) observer.on(event);
  } finally {
    for (const observer of observers) await observer.close?.();
  }
}

function show(
  { out, globals, program }: Cli,
  shown: ShownStatus,
  state: RunState,
  partitions: PartitionCounts,
): void {
  if (globals.json) printJson(out, { ...state, shown, partitions });
  else out.line(runText(state, partitions, shown, program, out));
}
