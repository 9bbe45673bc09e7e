import type { Command } from "commander";
import { outputFor } from "./lookup/outputs.js";
import { shownPath } from "./output/paths.js";
import { type Cli, printJson } from "./shell/context.js";

export function declare(command: Command): void {
  command.addHelpText(
    "after",
    "\nA rollback is a publication of its own: nothing is deleted, and the run can be made visible again with `run`.",
  );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const write = await outputFor(cli, command.args[0] ?? "");
  const sink = await (await cli.app()).sink(write);
  const done = await sink.rollback();
  if (cli.globals.json) printJson(cli.out, { output: write.to, ...done });
  else if (!cli.globals.quiet) {
    const visible = done.visibleRunId === null ? "nothing" : `run ${done.visibleRunId}`;
    cli.err.line(
      `${cli.err.paint.green(`rolled back ${shownPath(write.to, cli.cwd)}`)}: run ${done.hiddenRunId} is hidden, ` +
        `${visible} is visible (publication ${done.publication})`,
    );
  }
  return 0;
}
