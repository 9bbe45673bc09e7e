import type { Command } from "commander";
import { scheduledJobNamed } from "../service/jobs.js";
import { type Cli, printJson } from "./shell/context.js";

export function declare(command: Command): void {
  command.addHelpText("after", "\nA running run continues. Ticks that pass are recorded as skipped.");
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const job = await scheduledJobNamed(cli, command.args[0] ?? "");
  const changed = await (await (await cli.app()).scheduleStore()).pause(job, cli.clock.now());
  if (cli.globals.json) printJson(cli.out, { job, paused: true, changed });
  else if (!cli.globals.quiet) cli.err.line(changed ? `${job} is paused` : `${job} was paused already`);
  return 0;
}
