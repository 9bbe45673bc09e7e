import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { SpecError } from "../errors.js";
import { refuseChangedPlan } from "../running/run-identity.js";
import type { PlannedJob, RunOptions, RunOutcome, RunRequest } from "../running/run-request.js";
import { type JobMoment, jobFor } from "../service/jobs.js";
import { dueOf } from "../service/notices.js";
import { type MetricsPush, withObservers } from "../service/observe.js";
import { localPath } from "../service/paths.js";
import { inputWait, waitForOwner } from "../service/wait.js";
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
  const quarantineExitZero = flags.quarantineExitZero === true;
  const lane = laneOf(flags, cli.settings);
  const inTurn = (start: (options: RunOptions) => Promise<RunOutcome>) =>
    flags.wait === true ? (options: RunOptions) => waitForOwner(cli, start, options, reportWait(cli)) : start;
  if (subject.endsWith(".json")) {
    const planned = await readPlanFile(localPath(subject, cli.cwd));
    refuseIntervalFlags(flags, subject);
    const runner = await (await cli.app()).runner();
    const { write } = planned.plan.job;
    return withObservers(cli, flags, planned.plan.job, (observers) =>
      followRun(
        cli,
        inTurn((options) => runner.runPlan(planned, parseRun(flags, null), options)),
        { write, quarantineExitZero, observers, lane },
      ),
    );
  }
  const { job, specPath, notify, rule, upstreams } = await jobFor(cli, subject, flags);
  const runner = await (await cli.app()).runner();
  const request: RunRequest = { ...parseRun(flags, specPath), job, guess: false };
  const wait = inputWait(cli, { waitForMs: flags.waitFor, upstreams, onWait: reportWait(cli) });
  const due = request.reprocess ? null : dueOf(job, rule, notify, cli.clock.now());
  return withObservers(cli, flags, { name: job.name, notify, due }, (observers) =>
    followRun(
      cli,
      inTurn((options) => wait.run(runner, request, options)),
      { write: job.write, quarantineExitZero, observers, lane },
    ),
  );
}

/** All of a run's request but the job itself. */
export function parseRun(flags: RunFlags, specPath: string | null): Omit<RunRequest, "job" | "guess"> {
  return {
    kind: "spec",
    specPath,
    trigger: "cli",
    reprocess: flags.reprocess === true,
    restart: flags.restart === true,
    takeOver: flags.takeOver === true,
    ...(flags.lane === undefined ? {} : { lane: flags.lane }),
  };
}

/** A plan as `plan --out` wrote it. @throws SpecError `usage.not-a-plan`, `usage.not-found` */
export async function readPlanFile(path: string): Promise<PlannedJob> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new SpecError("usage.not-found", `${path} cannot be read`, {
      cause,
      hint: "Make it with `nightshift plan <job> --out plan.json`.",
    });
  }
  const value: unknown = parseJson(text);
  if (isPlannedJob(value)) {
    refuseEdited(value, path);
    return value;
  }
  throw new SpecError("usage.not-a-plan", `${path} is not a plan of this version of Nightshift`, {
    hint: "Make it with `nightshift plan <job> --out plan.json`.",
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Notices a plan that was edited or damaged. A plan is trusted as much as a spec: who edits it on purpose can compute its
 * digest anew. Plans of earlier versions have none.
 */
function refuseEdited(value: PlannedJob & { readonly sha256?: unknown }, path: string): void {
  const { sha256, ...planned } = value;
  refuseChangedPlan(planned.plan);
  if (sha256 === undefined || sha256 === plannedDigest(planned)) return;
  throw new SpecError("refused.plan-changed", `${path} was changed after it was made`, {
    hint: "Plan again: nightshift plan <job> --out plan.json.",
  });
}

/** Digest of a plan and its partitions, as `plan --out` keeps it beside them. */
export function plannedDigest(planned: PlannedJob): string {
  return createHash("sha256").update(JSON.stringify(planned)).digest("hex");
}

/** Looks at the outside only. */
function isPlannedJob(value: unknown): value is PlannedJob {
  if (typeof value !== "object" || value === null || !("plan" in value) || !("partitions" in value))
    return false;
  const { plan, partitions } = value;
  return (
    typeof plan === "object" &&
    plan !== null &&
    "version" in plan &&
    (plan.version === 1 || plan.version === 2) &&
    Array.isArray(partitions)
  );
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
