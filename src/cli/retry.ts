import type { Command } from "commander";
import type { MetricsPush } from "../service/observe.js";
import { retryRun } from "../service/run.js";
import { followRun } from "./running/follow-run.js";
import {
  declareLane,
  declareMetrics,
  declareQuarantineExit,
  declareQueue,
  type LaneFlags,
  laneOf,
  type QuarantineFlags,
} from "./running/run-options.js";
import type { Cli } from "./shell/context.js";

interface RetryFlags extends QuarantineFlags, MetricsPush, LaneFlags {
  readonly takeOver?: true;
}

export function declare(command: Command): void {
  command.option("--take-over", "claim a run of a process on another host; use only if that process is dead");
  declareMetrics(declareQuarantineExit(declareLane(declareQueue(command))));
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const { quarantineExitZero, takeOver, ...flags } = command.opts<RetryFlags>();
  const lane = laneOf(flags, cli.settings);
  return retryRun(
    cli,
    command.args[0],
    { ...flags, takeOver: takeOver === true },
    ({ write, observers, start }) =>
      followRun(cli, (options) => start(options), {
        write,
        quarantineExitZero: quarantineExitZero === true,
        observers,
        lane,
      }),
  );
}
