import type { Command } from "commander";
import { type JobMoment, jobFor } from "../service/jobs.js";
import { localPath, shownPath } from "../service/paths.js";
import { plan, savePlan } from "../service/plan.js";
import { planText } from "./output/plan-text.js";
import { declareInterval, declareNoHooks } from "./running/run-options.js";
import { type Cli, printJson } from "./shell/context.js";

interface PlanFlags extends JobMoment {
  readonly out?: string;
}

export function declare(command: Command): void {
  declareNoHooks(declareInterval(command)).option(
    "--out <plan.json>",
    "keep the plan; `nightshift run plan.json` runs exactly it",
  );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<PlanFlags>();
  const { job } = await jobFor(cli, command.args[0] ?? "", flags);
  const { planned, standing, outlook } = await plan(await cli.app(), job, cli.stopGracefully());
  if (flags.out !== undefined) await savePlan(localPath(flags.out, cli.cwd), planned);
  if (cli.globals.json) {
    printJson(cli.out, { ...planned, standing, outlook });
    return 0;
  }
  const { cwd, program, globals } = cli;
  cli.out.line(planText(planned, standing, { cwd, program, verbose: globals.verbose, outlook }, cli.out));
  if (flags.out !== undefined && !cli.globals.quiet)
    cli.err.line(`\nsaved; run it with ${program} run ${shownPath(localPath(flags.out, cli.cwd), cli.cwd)}`);
  return 0;
}
