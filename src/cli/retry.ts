import type { Command } from "commander";
import { runFor } from "./lookup/runs.js";
import { followRun } from "./running/follow-run.js";
import {
  declareMetrics,
  declareQuarantineExit,
  declareQueue,
  type MetricsFlags,
  type QuarantineFlags,
} from "./running/run-options.js";
import type { Cli } from "./shell/context.js";
import { watched } from "./watching/watched.js";

interface RetryFlags extends QuarantineFlags, MetricsFlags {
  readonly takeOver?: true;
}

export function declare(command: Command): void {
  command.option("--take-over", "claim a run whose owner is on another host, and surely dead");
  declareMetrics(declareQuarantineExit(declareQueue(command)));
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<RetryFlags>();
  const app = await cli.app();
  const { run } = await runFor(await app.ledger(), command.args[0]);
  const runner = await app.runner();
  const takeOver = flags.takeOver === true;
  const quarantineExitZero = flags.quarantineExitZero === true;
  return watched(cli, flags, run.job, (observers) =>
    followRun(cli, (options) => runner.retry(run.id, { ...options, takeOver }), {
      ...{ write: run.job.write, quarantineExitZero, observers },
    }),
  );
}
