import type { Command } from "commander";
import type { Ledger, PartitionCounts } from "../ledger.js";
import type { RunState } from "../run.js";
import { runFor } from "./lookup/runs.js";
import { type ShownStatus, statusCheck } from "./lookup/shown-status.js";
import { hasEnded, runText } from "./output/run-text.js";
import { runObservers } from "./running/progress.js";
import { type Cli, printJson } from "./shell/context.js";

interface StatusFlags {
  readonly watch?: true;
}

export function declare(command: Command): void {
  command.option("--watch", "follow the run until it ends");
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const ledger = await (await cli.app()).ledger();
  const state = await runFor(ledger, command.args[0]);
  const { watch } = command.opts<StatusFlags>();
  if (watch === true && (cli.globals.json || !hasEnded(state))) await follow(cli, ledger, state);
  if (watch === true && cli.globals.json) return 0;
  const now = (await ledger.readRun(state.run.id)) ?? state;
  const shown = await (await statusCheck(cli))(now);
  show(cli, shown, now, await ledger.countPartitions(now.run.id));
  return 0;
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

function show({ out, globals }: Cli, shown: ShownStatus, state: RunState, partitions: PartitionCounts): void {
  if (globals.json) printJson(out, { ...state, shown, partitions });
  else out.line(runText(state, partitions, shown, out.paint));
}
