import type { Command } from "commander";
import { runFor } from "./lookup/runs.js";
import { followRun } from "./running/follow-run.js";
import {
  declareLane,
  declareQuarantineExit,
  declareQueue,
  type LaneFlags,
  type QuarantineFlags,
} from "./running/run-options.js";
import type { Cli } from "./shell/context.js";

interface RetryFlags extends QuarantineFlags, LaneFlags {
  readonly takeOver?: true;
}

export function declare(command: Command): void {
  command.option("--take-over", "claim a run whose owner is on another host, and surely dead");
  declareQuarantineExit(declareLane(declareQueue(command)));
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<RetryFlags>();
  const app = await cli.app();
  const { run } = await runFor(await app.ledger(), command.args[0]);
  const runner = await app.runner();
  const takeOver = flags.takeOver === true;
  return followRun(cli, (options) => runner.retry(run.id, { ...options, takeOver }), {
    write: run.job.write,
    quarantineExitZero: flags.quarantineExitZero === true,
    lane: flags.lane,
  });
}
