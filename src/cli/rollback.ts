import type { Command } from "commander";
import { targetOf } from "../job.js";
import { outputFor } from "./lookup/outputs.js";
import { shownTarget } from "./output/paths.js";
import { type Cli, printJson } from "./shell/context.js";

export function declare(command: Command): void {
  command.addHelpText(
    "after",
    "\nReaders see the publication before, whole. To publish the interval anew: `run --reprocess`.",
  );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const write = await outputFor(cli, command.args[0] ?? "");
  const sink = await (await cli.app()).sink(write);
  const done = await sink.rollback();
  if (cli.globals.json) printJson(cli.out, { output: targetOf(write), ...done });
  else if (!cli.globals.quiet) {
    const visible = done.visibleRunId === null ? "nothing is" : `what run ${done.visibleRunId} published is`;
    cli.err.line(
      `${cli.err.paint.green(`rolled back ${shownTarget(write, cli.cwd)}`)}: ` +
        `${visible} visible again, run ${done.hiddenRunId} is hidden`,
    );
  }
  return 0;
}
