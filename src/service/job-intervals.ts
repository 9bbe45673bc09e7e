/** A job for each interval of a range. */
import { SpecError } from "../errors.js";
import type { NotifySettings } from "../job/notice.js";
import type { Upstream } from "../running/upstream.js";
import { type Every, type IntervalRule, intervalsThrough, parseInstant } from "../time/interval.js";
import { type ServiceContext, warningNote } from "./context.js";
import type { IntervalJob } from "./decide-intervals.js";
import { type JobMoment, upstreamsOf } from "./jobs.js";
import { shownPath } from "./paths.js";

export interface IntervalRange {
  /**
   * A date or an instant in the first interval; by default the job's first interval, else that of its oldest
   * run.
   */
  readonly from?: string;
  /** A date or an instant in the last interval; by default the latest complete one. */
  readonly to?: string;
  readonly var?: JobMoment["var"];
}

export interface JobIntervals {
  readonly name: string;
  /** Absolute. */
  readonly specPath: string;
  readonly every: Every;
  readonly rule: IntervalRule;
  readonly notify: NotifySettings | null;
  readonly upstreams: readonly Upstream[];
  readonly intervals: readonly IntervalJob[];
}

/** More than a year of hours: a longer list is more often a mistake than intended. */
const mostIntervals = 10_000;

/** @throws InvalidSpecError with every mistake at once; SpecError `spec.not-found`, `usage.*` */
export async function jobOverIntervals(
  context: ServiceContext,
  given: string,
  { from, to, ...range }: IntervalRange,
): Promise<JobIntervals> {
  const { findJob } = await import("../spec/find-job.js");
  const { loadJob } = await import("../spec/load.js");
  const { readSpecFile } = await import("../spec/spec-file.js");
  const { ruleOf } = await import("../spec/choose-interval.js");
  const { cwd, settings, target, clock, note, secrets } = context;
  const path = await findJob(given, cwd);
  // Read once, so that later changes of the file do not affect some of the intervals.
  const text = await readSpecFile(path, shownPath(path, cwd));
  const told = new Set<string>();
  const load = async (at: string | undefined) => {
    const loaded = await loadJob(path, {
      ...{ cwd, text, secrets, vars: range.var ?? {}, environment: settings.environment },
      ...{ now: clock.now(), outputRoot: settings.outputRoot },
      ...(at === undefined ? {} : { at }),
      ...(target === null ? {} : { target }),
    });
    for (const warning of loaded.warnings)
      if (!told.has(warning) && !warning.includes(" is not over yet")) note(warningNote(warning));
    for (const warning of loaded.warnings) told.add(warning);
    return loaded;
  };

  const first = await load(from).catch((error: unknown) => {
    throw inWordsOfRanges(error, given);
  });
  const { interval } = first.job;
  if (first.intervals === null || interval === null) throw withoutIntervals(given);
  const rule = ruleOf(first.intervals);
  const start = from ?? rule.start ?? (await oldestInterval(context, first.job.name)) ?? interval.start;
  const intervals: IntervalJob[] = [];
  for (const each of intervalsOf(rule, start, to ?? interval.start)) {
    const job = each.start === interval.start ? first.job : (await load(each.start)).job;
    intervals.push({ interval: each, job });
  }
  const { specPath, notify, after } = first;
  const { name } = first.job;
  const upstreams = after.length === 0 ? [] : await upstreamsOf(context, { name, after, specPath });
  return { name: first.job.name, specPath, every: rule.every, rule, notify, upstreams, intervals };
}

/** Replaces hints that mention `--at`, which a range does not have. */
function inWordsOfRanges(error: unknown, given: string): unknown {
  if (!(error instanceof SpecError)) return error;
  if (error.code === "usage.no-intervals") return withoutIntervals(given);
  if (error.code !== "usage.before-start") return error;
  return new SpecError(error.code, error.message, {
    hint: "choose a later --from, or an earlier `intervals.start`",
  });
}

function withoutIntervals(given: string): SpecError {
  return new SpecError(
    "usage.no-intervals",
    `${given} has no intervals: its runs are told apart by what they read`,
    {
      hint: "Add `intervals: { every: day }` to the job, or look at its runs with nightshift ls runs.",
    },
  );
}

async function oldestInterval(context: ServiceContext, jobName: string): Promise<string | null> {
  let oldest: string | null = null;
  for await (const { run } of (await (await context.app()).ledger()).listRuns({ jobName }))
    if (run.interval !== null && (oldest === null || run.interval.start < oldest))
      oldest = run.interval.start;
  return oldest;
}

function intervalsOf(rule: IntervalRule, from: string, to: string) {
  const [start, end] = [parseInstant(from, rule.timezone), parseInstant(to, rule.timezone)];
  if (end < start)
    throw new SpecError("usage.empty-range", `--to ${to} is before --from ${from}`, {
      hint: "Give the earlier one as --from; both ends are included.",
    });
  const intervals = [];
  for (const interval of intervalsThrough(start, end, rule)) {
    intervals.push(interval);
    if (intervals.length > mostIntervals)
      throw new SpecError(
        "usage.too-many-intervals",
        `from ${from} to ${to} there are more than ${mostIntervals} intervals of ${rule.every === "hour" ? "an hour" : `a ${rule.every}`}`,
        { hint: "Backfill it in parts." },
      );
  }
  return intervals;
}
