/** Jobs by name or spec file, loaded for one interval. YAML and its schema are loaded with the first of them. */
import type { IntervalRule } from "../../interval.js";
import type { Job } from "../../job.js";
import type { NotifySettings } from "../../notice.js";
import type { IntervalFlags } from "../running/run-options.js";
import type { Cli } from "../shell/context.js";

export interface JobHere {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly model: string | null;
  readonly to: string | null;
  readonly every: string | null;
  /** As written: nothing is checked here. */
  readonly schedule: { readonly cron: string; readonly timezone: string } | null;
  /** Why the spec cannot be read. */
  readonly error: string | null;
}

export interface JobFor {
  readonly job: Job;
  /** Absolute. */
  readonly specPath: string;
  /** Who hears of its troubles. */
  readonly notify: NotifySettings | null;
  readonly rule: IntervalRule | null;
}

/** As much of the context as loading a job takes. */
export type JobPlace = Pick<Cli, "cwd" | "settings" | "globals" | "clock" | "err" | "secrets">;

/** Specs in the jobs folder that belongs to this directory. */
export async function jobsHere({ cwd }: Pick<Cli, "cwd">): Promise<readonly JobHere[]> {
  const { listJobs } = await import("../../spec/find-job.js");
  return listJobs(cwd);
}

/** @throws InvalidSpecError with every mistake at once; SpecError `spec.not-found`, `usage.*` */
export async function jobFor(place: JobPlace, given: string, flags: IntervalFlags): Promise<JobFor> {
  const { findJob } = await import("../../spec/find-job.js");
  const { loadJob } = await import("../../spec/load.js");
  const { cwd, settings, globals, clock, err, secrets } = place;
  const { ruleOf } = await import("../../spec/choose-interval.js");
  const { job, specPath, intervals, notify, warnings } = await loadJob(await findJob(given, cwd), {
    cwd,
    vars: flags.var ?? {},
    environment: settings.environment,
    now: clock.now(),
    outputRoot: settings.outputRoot,
    secrets,
    ...(flags.at === undefined ? {} : { at: flags.at }),
    ...(globals.target === null ? {} : { target: globals.target }),
  });
  for (const warning of warnings) err.line(err.paint.yellow(`warning: ${warning}`));
  return { job, specPath, notify, rule: intervals === null ? null : ruleOf(intervals) };
}

/** Like {@link jobFor}; `null` where `given` names no job and need not. */
export async function jobIfAny(
  place: JobPlace,
  given: string,
  { required }: { readonly required: boolean },
): Promise<Job | null> {
  const known = (await jobsHere(place)).some((job) => job.name === given);
  return known || required ? (await jobFor(place, given, {})).job : null;
}
