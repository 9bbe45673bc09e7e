import type { Command } from "commander";
import type { Run } from "../job/run.js";
import { jobFor } from "./lookup/jobs.js";
import { runFor } from "./lookup/runs.js";
import { followRun } from "./running/follow-run.js";
import {
  declareLane,
  declareMetrics,
  declareQuarantineExit,
  declareQueue,
  type LaneFlags,
  laneOf,
  type MetricsFlags,
  type QuarantineFlags,
} from "./running/run-options.js";
import type { Cli } from "./shell/context.js";
import { dueOf } from "./watching/notices.js";
import { type WatchedJob, watched } from "./watching/watched.js";

interface RetryFlags extends QuarantineFlags, MetricsFlags, LaneFlags {
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
  return watched(cli, flags, await watchedRun(cli, run), (observers) =>
    followRun(cli, (options) => runner.retry(run.id, { ...options, takeOver }), {
      ...{ write: run.job.write, quarantineExitZero, observers, lane },
    }),
  );
}

/** As its spec says now: who is told is no part of a run. One that is gone or broken by now keeps nobody from retrying. */
async function watchedRun(
  cli: Cli,
  { jobName: name, specPath, interval, job: asRun }: Run,
): Promise<WatchedJob> {
  if (specPath === null) return { name };
  const at = {
    ...(interval === null ? {} : { at: interval.start }),
    ...(asRun.vars === undefined ? {} : { var: asRun.vars }),
  };
  const quiet = { ...cli, err: { ...cli.err, line: () => undefined } };
  const now = await jobFor(quiet, specPath, at).catch(() => null);
  if (now === null) return { name };
  const { job, rule, notify } = now;
  return { name, notify, due: dueOf(job, rule, notify, cli.clock.now()) };
}
