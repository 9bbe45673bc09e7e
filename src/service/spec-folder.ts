/**
 * The specs of a folder as they are served: checked regularly, and loaded again when one has changed. If a
 * spec is broken, its last valid text stays in use.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { asNightshiftError, type NightshiftError, SpecError } from "../errors.js";
import type { Interval, Job } from "../job/job.js";
import type { NotifySettings } from "../job/notice.js";
import type { IntervalRule } from "../time/interval.js";
import type { Schedule } from "../time/schedule.js";
import type { ServiceContext } from "./context.js";
import type { ScheduledJob } from "./open-ticks.js";

/** The last valid state of a spec. */
export interface ServedSpec {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  readonly rule: IntervalRule | null;
  readonly lookback: number;
  readonly schedule: Schedule | null;
  readonly notify: NotifySettings | null;
  readonly waitsForInput: boolean;
  /** Names of the jobs that it waits for. */
  readonly after: readonly string[];
}

export type ServedJob = ServedSpec & ScheduledJob;

/** A file of the folder, valid or broken. */
export interface SeenSpec {
  /** Name of the job; of the file if it was never valid. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly good: ServedSpec | null;
  /** Why its present text is broken. */
  readonly error: NightshiftError | null;
}

export type FolderEvent =
  | { readonly type: "spec.loaded" | "spec.changed"; readonly path: string; readonly job: string }
  | { readonly type: "spec.removed"; readonly path: string; readonly job: string }
  /** `kept`: the job that continues with its previous text. */
  | {
      readonly type: "spec.broken";
      readonly path: string;
      readonly kept: string | null;
      readonly error: NightshiftError;
    };

export interface SpecFolder {
  /** Loads changed specs. */
  refresh(): Promise<void>;
  /** Returns the jobs with a schedule. */
  jobs(): readonly ServedJob[];
  /** In the order of their paths. */
  specs(): readonly SeenSpec[];
}

interface Seen {
  /** Identity of the file at the last check, valid or broken. */
  readonly identity: string;
  readonly good: ServedSpec | null;
  readonly error: NightshiftError | null;
  /** Mistake in its references to other jobs: until they exist, it is not run. */
  readonly mistake: NightshiftError | null;
}

const extension = /\.ya?ml$/;

/** @param folder absolute */
export function specFolder(
  context: ServiceContext,
  folder: string,
  tell: (event: FolderEvent) => void,
): SpecFolder {
  const seen = new Map<string, Seen>();

  async function refresh(): Promise<void> {
    const project = identityOf(join(dirname(folder), "nightshift.yaml"));
    const paths = specsIn(folder);
    for (const [path, { good }] of seen)
      if (!paths.includes(path)) {
        seen.delete(path);
        if (good !== null) tell({ type: "spec.removed", path, job: good.name });
      }
    for (const path of paths) {
      const identity = `${identityOf(path)} ${project}`;
      const before = seen.get(path);
      if (before?.identity !== identity) seen.set(path, await look(path, identity, before));
    }
    await checkFollowers();
  }

  /** A job may be loaded before or after those that it waits for. */
  async function checkFollowers(): Promise<void> {
    const good = [...seen.values()].flatMap((each) => (each.good === null ? [] : [each.good]));
    if (good.every(({ after }) => after.length === 0)) return;
    const { mistakeInAfter } = await import("../spec/after.js");
    const followers = good.map(({ name, after, rule }) => ({ name, after, every: rule?.every ?? null }));
    for (const [path, each] of seen) {
      const follower = followers.find(({ name }) => name === each.good?.name);
      const mistake = follower === undefined ? null : mistakeInAfter(follower, followers);
      if (mistake?.message === each.mistake?.message) continue;
      seen.set(path, { ...each, mistake });
      if (mistake !== null) tell({ type: "spec.broken", path, kept: null, error: mistake });
      else if (each.good !== null) tell({ type: "spec.changed", path, job: each.good.name });
    }
  }

  async function look(path: string, identity: string, before: Seen | undefined): Promise<Seen> {
    try {
      const text = readFileSync(path, "utf8");
      const good = await loadServed(context, path, text);
      refuseNameOfAnother(path, good.name);
      tell({ type: before?.good == null ? "spec.loaded" : "spec.changed", path, job: good.name });
      return { identity, good, error: null, mistake: null };
    } catch (thrown) {
      const error = asNightshiftError(thrown);
      tell({ type: "spec.broken", path, kept: before?.good?.name ?? null, error });
      return { identity, good: before?.good ?? null, error, mistake: before?.mistake ?? null };
    }
  }

  /** Ticks and runs are identified by name, so two specs with one name would take each other's. */
  function refuseNameOfAnother(path: string, name: string): void {
    for (const [other, known] of seen)
      if (other !== path && known.good?.name === name)
        throw new SpecError("spec.same-name", `its name \`${name}\` is the name of ${other}, too`, {
          hint: "Give one of them another name.",
        });
  }

  return {
    refresh,
    jobs: () =>
      [...seen.values()].flatMap(({ good, mistake }) =>
        mistake === null && isScheduled(good) ? [good] : [],
      ),
    specs: () =>
      [...seen]
        .map(([path, { good, error, mistake }]) => ({
          ...{ name: good?.name ?? fileName(path), path },
          ...{ good: mistake === null ? good : null, error: error ?? mistake },
        }))
        .sort((a, b) => (a.path < b.path ? -1 : 1)),
  };
}

function isScheduled(spec: ServedSpec | null): spec is ServedJob {
  return spec !== null && spec.schedule !== null;
}

async function loadServed(context: ServiceContext, path: string, text: string): Promise<ServedSpec> {
  const { loadJob } = await import("../spec/load.js");
  const { ruleOf } = await import("../spec/choose-interval.js");
  const { cwd, settings, target, clock, secrets } = context;
  const { scheduleOfAfter } = await import("../spec/after.js");
  const {
    job,
    intervals,
    schedule: own,
    after,
    notify,
  } = await loadJob(path, {
    ...{ cwd, text, secrets, vars: {}, environment: settings.environment },
    ...{ anyInterval: true, anyVars: true },
    ...{ now: clock.now(), outputRoot: settings.outputRoot },
    ...(target === null ? {} : { target }),
  });
  const rule = intervals === null ? null : ruleOf(intervals);
  const isFollower = own === null && after.length > 0 && rule !== null;
  const schedule = isFollower ? scheduleOfAfter(rule.every, rule.start, rule.timezone) : own;
  return {
    ...{ name: job.name, schedule, path, text, rule, lookback: intervals?.lookback ?? 0, notify },
    ...{ waitsForInput: job.input.waitFor !== undefined, after },
  };
}

function fileName(path: string): string {
  return basename(path).replace(extension, "");
}

function specsIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => extension.test(path) && !path.split("/").some((step) => step.startsWith(".")))
    .sort()
    .map((path) => join(folder, path));
}

/** Changes whenever the file was written or replaced; empty if it does not exist. */
function identityOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? "" : [stat.ino, stat.size, stat.mtimeNs].join(" ");
}

export interface JobMoment {
  /** As `--at`; by default the latest complete interval. */
  readonly at?: string;
  /** As `--var`. */
  readonly vars?: { readonly [name: string]: string | number | boolean };
  /** See `LoadContext`. */
  readonly givenBy?: "client";
}

/** Returns the interval and the variables that the schedule of a job uses. */
export function momentOf({ schedule }: Pick<ServedSpec, "schedule">, interval: Interval | null): JobMoment {
  const vars = schedule?.vars ?? {};
  return interval === null ? { vars } : { at: interval.start, vars };
}

/** Returns the job of a served spec for one interval. @throws InvalidSpecError; SpecError `usage.*` */
export async function jobAt(
  context: ServiceContext,
  { path, text }: ServedSpec,
  moment: JobMoment,
): Promise<Job> {
  const { at, vars, givenBy } = moment;
  const { loadJob } = await import("../spec/load.js");
  const { cwd, settings, target, clock, secrets } = context;
  const { job } = await loadJob(path, {
    ...{ cwd, text, secrets, vars: vars ?? {}, environment: settings.environment },
    ...{ now: clock.now(), outputRoot: settings.outputRoot },
    ...(at === undefined ? {} : { at }),
    ...(givenBy === undefined ? {} : { givenBy }),
    ...(target === null ? {} : { target }),
  });
  return job;
}
