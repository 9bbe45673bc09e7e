import type { Command } from "commander";
import { SpecError } from "../errors.js";
import type { JobMoment } from "../service/jobs.js";
import type { MetricsPush } from "../service/observe.js";
import { localPath } from "../service/paths.js";
import { readPlanFile } from "../service/plan.js";
import { type ReadyRun, type RunJobRequest, runJob, runPlan } from "../service/run.js";
import { waitForOwner } from "../service/wait.js";
import { followRun, reportWait } from "./running/follow-run.js";
import {
  declareClaim,
  declareInterval,
  declareLane,
  declareMetrics,
  declareQuarantineExit,
  declareQueue,
  declareWaitFor,
  type LaneFlags,
  laneOf,
  type QuarantineFlags,
  type WaitFlags,
} from "./running/run-options.js";
import type { Cli } from "./shell/context.js";

export interface RunFlags extends JobMoment, QuarantineFlags, MetricsPush, LaneFlags, WaitFlags {
  readonly reprocess?: true;
  readonly restart?: true;
  readonly takeOver?: true;
  readonly wait?: true;
}

export function declare(command: Command): void {
  declareInterval(command)
    .option("--reprocess", "score again what was published; the new publication replaces it")
    .option("--wait", "wait while another process works on the run; then find it published, or resume it");
  declareMetrics(declareQuarantineExit(declareClaim(declareLane(declareQueue(declareWaitFor(command))))));
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const flags = command.opts<RunFlags>();
  const [subject = ""] = command.args;
  const lane = laneOf(flags, cli.settings);
  const onWait = reportWait(cli);
  const follow = ({ write, observers, start }: ReadyRun): Promise<number> =>
    followRun(
      cli,
      (options) => (flags.wait === true ? waitForOwner(cli, start, options, onWait) : start(options)),
      {
        write,
        quarantineExitZero: flags.quarantineExitZero === true,
        observers,
        lane,
      },
    );
  if (!subject.endsWith(".json"))
    return runJob(cli, subject, { ...parseRun(flags), waitForMs: flags.waitFor, onWait }, follow);
  const planned = await readPlanFile(localPath(subject, cli.cwd));
  refuseIntervalFlags(flags, subject);
  return runPlan(cli, planned, parseRun(flags), follow);
}

/** What the flags ask of the service. */
export function parseRun({
  reprocess,
  restart,
  takeOver,
  ...flags
}: RunFlags): Omit<RunJobRequest, "onWait"> {
  return {
    ...flags,
    trigger: "cli",
    reprocess: reprocess === true,
    restart: restart === true,
    takeOver: takeOver === true,
  };
}

function refuseIntervalFlags(flags: RunFlags, subject: string): void {
  const given =
    flags.at !== undefined
      ? "--at"
      : flags.var !== undefined
        ? "--var"
        : flags.waitFor !== undefined
          ? "--wait-for"
          : null;
  if (given !== null)
    throw new SpecError(
      "usage.plan-is-fixed",
      `${given} cannot change ${subject}: a plan is made for one interval`,
      {
        hint: "Plan again with it: nightshift plan <job> --at ... --out plan.json",
      },
    );
}
