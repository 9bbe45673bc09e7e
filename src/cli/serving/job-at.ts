import type { Interval, Job } from "../../job/job.js";
import type { Cli } from "../shell/context.js";
import type { ServedSpec } from "./spec-folder.js";

export interface JobMoment {
  /** As `--at`; without it the latest complete interval. */
  readonly at?: string;
  /** As `--var`. */
  readonly vars?: { readonly [name: string]: string | number | boolean };
  /** See `LoadContext`. */
  readonly givenBy?: "client";
}

/** What the schedule of a job starts for an interval. */
export function momentOf({ schedule }: Pick<ServedSpec, "schedule">, interval: Interval | null): JobMoment {
  const vars = schedule?.vars ?? {};
  return interval === null ? { vars } : { at: interval.start, vars };
}

/** The job of a spec as it is served, for one interval. @throws InvalidSpecError; SpecError `usage.*` */
export async function jobAt(cli: Cli, { path, text }: ServedSpec, moment: JobMoment): Promise<Job> {
  const { at, vars, givenBy } = moment;
  const { loadJob } = await import("../../spec/load.js");
  const { cwd, settings, globals, clock, secrets } = cli;
  const { job } = await loadJob(path, {
    ...{ cwd, text, secrets, vars: vars ?? {}, environment: settings.environment },
    ...{ now: clock.now(), outputRoot: settings.outputRoot },
    ...(at === undefined ? {} : { at }),
    ...(givenBy === undefined ? {} : { givenBy }),
    ...(globals.target === null ? {} : { target: globals.target }),
  });
  return job;
}
