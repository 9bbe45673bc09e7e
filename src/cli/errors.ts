import type { Command } from "commander";
import { placeOf } from "../job/output.js";
import { type ErrorReport, errorReport } from "../service/error-report.js";
import { reportText } from "./output/error-report-text.js";
import { type Cli, printJson } from "./shell/context.js";
import { wholeNumber } from "./shell/options.js";

interface ErrorsFlags {
  readonly sample: number;
}

export function declare(command: Command): void {
  command.option("--sample <n>", "quarantined rows to show for each reason", wholeNumber(0), 3);
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const { sample } = command.opts<ErrorsFlags>();
  const report = await errorReport(await cli.app(), command.args[0], sample);
  const { run, status } = report.state;
  if (cli.globals.json) printJson(cli.out, { run: run.id, status, ...report, state: undefined });
  else cli.out.line(reportText(report, cli.cwd, cli.out));
  if (isElsewhere(report) && !cli.globals.json && !cli.globals.quiet)
    cli.err.line(`the rows themselves are not shown: the quarantine of ${run.target} is not on this machine`);
  return 0;
}

/** The ledger is reached from anywhere; quarantine files only from where the output is. */
function isElsewhere({ state, quarantineFiles }: ErrorReport): boolean {
  const isInFiles = placeOf(state.run.job.write).is === "path";
  return (
    isInFiles &&
    state.status === "published" &&
    state.accepted.rows.quarantined > 0 &&
    quarantineFiles.length === 0
  );
}
