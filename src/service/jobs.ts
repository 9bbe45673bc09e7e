/** Jobs by name or spec file, loaded for one interval. YAML and its schema are loaded with the first of them. */
import { dirname } from "node:path";
import { projectOfSpec } from "../config.js";
import { SpecError } from "../errors.js";
import type { Interval, Job } from "../job/job.js";
import type { NotifySettings } from "../job/notice.js";
import { targetOf } from "../job/output.js";
import type { Upstream } from "../running/upstream.js";
import { templateVariables } from "../text/template.js";
import type { IntervalRule } from "../time/interval.js";
import type { Schedule } from "../time/schedule.js";
import { type ServiceContext, warningNote } from "./context.js";

export interface JobHere {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly model: string | null;
  readonly to: string | null;
  readonly every: string | null;
  /** As written, without any check. */
  readonly schedule: { readonly cron: string; readonly timezone: string } | null;
  /** Names of the jobs that it waits for. */
  readonly after: readonly string[];
  /** Why the spec cannot be read. */
  readonly error: string | null;
}

export interface JobFor {
  readonly job: Job;
  /** Absolute. */
  readonly specPath: string;
  /** Receivers of its notices. */
  readonly notify: NotifySettings | null;
  readonly rule: IntervalRule | null;
  readonly schedule: Schedule | null;
  readonly upstreams: readonly Upstream[];
}

/** The parts of the context that loading a job needs. */
export type JobPlace = Pick<ServiceContext, "cwd" | "settings" | "target" | "clock" | "note" | "secrets">;

export interface JobMoment {
  /** A date or an instant in the interval; by default the latest complete one. */
  readonly at?: string;
  /** Values of variables. */
  readonly var?: { readonly [name: string]: string | number | boolean };
}

/** Specs in the jobs folder that belongs to this directory. */
export async function jobsHere({ cwd }: Pick<ServiceContext, "cwd">): Promise<readonly JobHere[]> {
  const { listJobs } = await import("../spec/find-job.js");
  return listJobs(cwd);
}

/** @throws InvalidSpecError with every mistake at once; SpecError `spec.not-found`, `usage.*` */
export async function jobFor(
  place: JobPlace,
  given: string,
  flags: JobMoment & { readonly anyVars?: true },
): Promise<JobFor> {
  const { findJob } = await import("../spec/find-job.js");
  const { loadJob } = await import("../spec/load.js");
  const { cwd, settings, target, clock, note, secrets } = place;
  const { ruleOf } = await import("../spec/choose-interval.js");
  const { job, specPath, intervals, schedule, after, notify, warnings } = await loadJob(
    await findJob(given, cwd),
    {
      cwd,
      vars: flags.var ?? {},
      environment: settings.environment,
      now: clock.now(),
      outputRoot: settings.outputRoot,
      secrets,
      ...(flags.at === undefined ? {} : { at: flags.at }),
      ...(flags.anyVars === undefined ? {} : { anyVars: true }),
      ...(target === null ? {} : { target }),
    },
  );
  for (const warning of warnings) note(warningNote(warning));
  const upstreams = after.length === 0 ? [] : await upstreamsOf(place, { name: job.name, after, specPath });
  return { job, specPath, notify, schedule, upstreams, rule: intervals === null ? null : ruleOf(intervals) };
}

interface Following {
  readonly name: string;
  readonly after: readonly string[];
  readonly specPath: string;
}

/**
 * Returns the jobs that a job waits for, from its own folder. @throws SpecError `spec.after`,
 * `spec.after-circle`
 */
export async function upstreamsOf(
  place: JobPlace,
  { name, after, specPath }: Following,
): Promise<readonly Upstream[]> {
  const { listJobs } = await import("../spec/find-job.js");
  const { mistakeInAfter } = await import("../spec/after.js");
  const here = await listJobs(dirname(specPath), projectOfSpec(dirname(specPath)));
  const mistake = mistakeInAfter({ name, after, every: "any" }, here);
  if (mistake !== null) throw mistake;
  const upstreams: Upstream[] = [];
  for (const upstream of after) {
    const path = here.find((job) => job.name === upstream)?.path;
    if (path === undefined) continue;
    const load = await upstreamAt(place, path);
    if (load.rule !== null) upstreams.push({ name: upstream, rule: load.rule, jobAt: load.jobAt });
  }
  return upstreams;
}

async function upstreamAt({ cwd, settings, target, clock, secrets }: JobPlace, path: string) {
  const { loadJob } = await import("../spec/load.js");
  const { ruleOf } = await import("../spec/choose-interval.js");
  const context = {
    ...{ cwd, secrets, environment: settings.environment, now: clock.now(), outputRoot: settings.outputRoot },
    ...(target === null ? {} : { target }),
  };
  const { intervals, schedule } = await loadJob(path, {
    ...{ ...context, vars: {}, anyInterval: true, anyVars: true },
  });
  return {
    rule: intervals === null ? null : ruleOf(intervals),
    jobAt: async ({ start }: Interval) =>
      (await loadJob(path, { ...context, at: start, vars: schedule?.vars ?? {} })).job,
  };
}

/** Like {@link jobFor}; `null` if `given` does not name a job and need not. */
export async function jobIfAny(
  place: JobPlace,
  given: string,
  { required }: { readonly required: boolean },
): Promise<Job | null> {
  const known = (await jobsHere(place)).some((job) => job.name === given);
  if (!known && !required) return null;
  const { job } = await jobFor(place, given, { anyVars: true });
  if (templateVariables(targetOf(job.write)).length === 0) return job;
  throw new SpecError("usage.missing-var", `where ${given} writes depends on variables without a default`, {
    hint: "Name the output itself instead of the job.",
  });
}

/** Name of a job that has a schedule. @throws SpecError `spec.not-found`, `usage.no-schedule` */
export async function scheduledJobNamed(context: ServiceContext, given: string): Promise<string> {
  const { findJob, listJobs } = await import("../spec/find-job.js");
  const path = await findJob(given, context.cwd);
  const job = (await listJobs(context.cwd)).find((each) => each.path === path);
  if (job !== undefined && job.schedule !== null) return job.name;
  throw new SpecError("usage.no-schedule", `${given} has no schedule`, {
    hint: "Add `schedule: { cron: ... }` to the job; without one it only runs when it is started by hand.",
  });
}
