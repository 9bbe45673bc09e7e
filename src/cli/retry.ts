import type { Command } from "commander";
import type { Run } from "../job/run.js";
import { jobFor } from "../service/jobs.js";
import { dueOf } from "../service/notices.js";
import { type MetricsPush, type ObservedJob, withObservers } from "../service/observe.js";
import { runFor } from "../service/run-status.js";
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
  const flags = command.opts<RetryFlags>();
  const lane = laneOf(flags, cli.settings);
  const app = await cli.app();
  const { run } = await runFor(await app.ledger(), command.args[0]);
  const runner = await app.runner();
  const takeOver = flags.takeOver === true;
  const quarantineExitZero = flags.quarantineExitZero === true;
  return withObservers(cli, flags, await observedRun(cli, run), (observers) =>
    followRun(cli, (options) => runner.retry(run.id, { ...options, takeOver }), {
      ...{ write: run.job.write, quarantineExitZero, observers, lane },
    }),
  );
}

/** Returns the receivers of its notices as the spec names them now. A spec that is gone or broken does not prevent the retry. */
async function observedRun(
  cli: Cli,
  { jobName: name, specPath, interval, job: asRun }: Run,
): Promise<ObservedJob> {
  if (specPath === null) return { name };
  const at = {
    ...(interval === null ? {} : { at: interval.start }),
    ...(asRun.vars === undefined ? {} : { var: asRun.vars }),
  };
  const quiet = { ...cli, note: () => undefined };
  const now = await jobFor(quiet, specPath, at).catch(() => null);
  if (now === null) return { name };
  const { job, rule, notify } = now;
  return { name, notify, due: dueOf(job, rule, notify, cli.clock.now()) };
}
