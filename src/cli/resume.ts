import type { Command } from "commander";
import { scheduledJobNamed } from "../service/jobs.js";
import { type Cli, printJson } from "./shell/context.js";

export function declare(command: Command): void {
  command.addHelpText("after", "\nTicks from before are not caught up with: nightshift backfill does that.");
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const job = await scheduledJobNamed(cli, command.args[0] ?? "");
  const changed = await (await (await cli.app()).scheduleStore()).resume(job, cli.clock.now());
  if (cli.globals.json) printJson(cli.out, { job, paused: false, changed });
  else if (!cli.globals.quiet)
    cli.err.line(changed ? `${job} runs again when it is due` : `${job} was not paused`);
  return 0;
}
