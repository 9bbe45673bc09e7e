import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { asNightshiftError, InfraError } from "../errors.js";
import { type JobMoment, jobFor } from "../service/jobs.js";
import { localPath, shownPath } from "../service/paths.js";
import { planText } from "./output/plan-text.js";
import { plannedDigest } from "./run.js";
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
  const runner = await (await cli.app()).runner();
  const planned = await runner.plan({ job, guess: false }, cli.stopGracefully());
  const sink = await (await cli.app()).sink(job.write);
  const outlook = await sink.outlook(job, planned.plan.mapping.columns);
  const standing = await runner.standing({ job, kind: "spec" }, planned.plan);
  if (flags.out !== undefined)
    await save(localPath(flags.out, cli.cwd), { ...planned, sha256: plannedDigest(planned) });
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

async function save(path: string, planned: unknown): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(planned)}\n`);
  } catch (cause) {
    throw new InfraError(
      "infra.permission",
      `${path} cannot be written: ${asNightshiftError(cause).message}`,
      {
        cause,
      },
    );
  }
}
