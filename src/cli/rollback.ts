import type { Command } from "commander";
import { targetOf } from "../job/output.js";
import { outputFor } from "../service/outputs.js";
import { shownTarget } from "../service/paths.js";
import { keptForRollback, type RolledBack } from "../sinks/sink.js";
import { type Cli, printJson } from "./shell/context.js";
import { wholeNumber } from "./shell/options.js";

interface RollbackFlags {
  readonly last: number;
}

export function declare(command: Command): void {
  command.option("--last <n>", `publications to hide, at most ${keptForRollback}`, wholeNumber(1), 1);
  command.addHelpText(
    "after",
    "\nReaders see the publication before them, whole. To publish the interval anew: `run --reprocess`.",
  );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const write = await outputFor(cli, command.args[0] ?? "");
  const sink = await (await cli.app()).sink(write);
  const done = await sink.rollback(command.opts<RollbackFlags>().last);
  if (cli.globals.json) printJson(cli.out, { output: targetOf(write), ...done });
  else if (!cli.globals.quiet) {
    const visible = visibleText(done);
    const hidden = done.hiddenRunIds;
    cli.err.line(
      `${cli.err.paint.green(`rolled back ${shownTarget(write, cli.cwd)}`)}: ` +
        `${visible}, ${hidden.length === 1 ? "run" : "runs"} ${hidden.join(", ")} ${hidden.length === 1 ? "is" : "are"} hidden`,
    );
  }
  return 0;
}

function visibleText({ visibleRunId, visibleRows }: RolledBack): string {
  if (visibleRunId === null) return "nothing is visible again";
  return visibleRows === 0
    ? `run ${visibleRunId} is the newest one now, and no row of it was ever visible`
    : `what run ${visibleRunId} published is visible again`;
}
