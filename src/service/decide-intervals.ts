/** Decides which intervals of a job have to run, from the sink's record and the ledger. Creates, claims and runs nothing. */
import { createHash } from "node:crypto";
import { asNightshiftError } from "../errors.js";
import type { Interval, Job } from "../job/job.js";
import { targetOf } from "../job/output.js";
import { isActive, type RunState } from "../job/run.js";
import type { Baseline } from "../ledgers/backfill-store.js";
import type { Ledger } from "../ledgers/ledger.js";
import { findStanding, type Standing } from "../running/choose-run.js";
import { jobIdOf, scopeOf } from "../running/run-identity.js";
import type { Sink } from "../sinks/sink.js";
import type { ServiceContext } from "./context.js";
import { interruptionCheck } from "./run-status.js";

/**
 * Which intervals run. `missing`: those that are not published. `failed`: those whose run failed or was
 * cancelled. `stale`: the missing ones, and those published from another spec, model or input. `all`: every
 * one.
 */
export type Reprocess = "missing" | "failed" | "stale" | "all";

/** A job expanded for one interval. */
export interface IntervalJob {
  readonly interval: Interval;
  readonly job: Job;
}

/** Status of an interval before anything runs. */
export type IntervalStanding =
  | "published"
  | "failed"
  | "cancelled"
  | "interrupted"
  | "running"
  | "missing"
  | "not over";

export interface Decision extends IntervalJob {
  readonly action: "run" | "skip";
  readonly standing: IntervalStanding;
  /** For display: `published as publication 3`. */
  readonly reason: string;
  /** Score a published interval again. */
  readonly reprocess: boolean;
}

export interface DecideParts {
  readonly ledger: Ledger;
  readonly sink: (job: Job) => Promise<Sink>;
  /** Whether a process executes the run at present. */
  readonly isWorkedOn: (state: RunState) => boolean;
  /** Fingerprint of the job as it is now; `null` if its input no longer exists. Called under `stale` only. */
  readonly fingerprint: (job: Job) => Promise<string | null>;
  readonly now: Date;
}

export interface DecideOptions {
  readonly reprocess: Reprocess;
  /** For a resumed backfill of `all`. */
  readonly baseline: Baseline | null;
}

/** Decides for one interval. Creates, claims and runs nothing. */
export async function decideInterval(
  { interval, job }: IntervalJob,
  parts: DecideParts,
  options: DecideOptions,
): Promise<Decision> {
  const found = await standingOf(job, parts);
  const { unfinished, published, decided: half } = found;
  const standing = standsAs({ interval, job }, found, parts);
  const decided = (action: "run" | "skip", reason: string, reprocess = false): Decision => ({
    ...{ interval, job, action, standing, reason, reprocess },
  });
  if (new Date(interval.end) > parts.now) return decided("skip", "it is not over yet");
  if (standing === "running" && unfinished !== null)
    return decided("skip", `another process works on ${unfinished.run.id}`);
  if (half !== null) return decided("run", `${half.id} is published, and not completely shown`);

  const left =
    published === null || unfinished === null
      ? ""
      : `; ${unfinished.run.id}, a later generation, is unfinished: nightshift retry ${unfinished.run.id}`;
  const wasPublished = `published as publication ${published?.publication ?? "?"}${left}`;
  const notPublished = unfinished === null ? "not published" : `its last run ${endOf(unfinished)}`;
  switch (options.reprocess) {
    case "missing":
      return published === null ? decided("run", notPublished) : decided("skip", wasPublished);
    case "failed":
      if (unfinished !== null) return decided("run", notPublished, published !== null);
      return decided("skip", published === null ? "it never ran" : wasPublished);
    case "stale": {
      if (published === null) return decided("run", notPublished);
      const fingerprint = await parts.fingerprint(job);
      if (fingerprint === published.fingerprint) return decided("skip", `${wasPublished}, up to date`);
      if (fingerprint === null) return decided("skip", `${wasPublished}, and its input is gone`);
      return decided("run", `${wasPublished}, from another spec, model or input`, true);
    }
    case "all": {
      if (published === null) return decided("run", notPublished);
      const before = options.baseline?.generations[scopeIn(interval)] ?? Number.POSITIVE_INFINITY;
      if (published.generation > before) return decided("skip", `${wasPublished}, by this backfill`);
      return decided("run", `${wasPublished}, scored again`, true);
    }
  }
}

/** Returns the status of an interval for a grid, beyond what {@link decideInterval} returns. */
export async function intervalStanding(of: IntervalJob, parts: DecideParts): Promise<IntervalStanding> {
  return standsAs(of, await standingOf(of.job, parts), parts);
}

function standsAs(
  { interval }: IntervalJob,
  { unfinished, published, decided }: Standing,
  parts: Pick<DecideParts, "isWorkedOn" | "now">,
): IntervalStanding {
  if (unfinished !== null && parts.isWorkedOn(unfinished)) return "running";
  if (decided !== null) return "interrupted";
  if (published !== null) return "published";
  if (new Date(interval.end) > parts.now) return "not over";
  if (unfinished === null) return "missing";
  const { status } = unfinished;
  return status === "failed" || status === "cancelled" ? status : "interrupted";
}

/** Returns what a backfill of `all` has to supersede. */
export async function baselineOf(
  intervals: readonly IntervalJob[],
  parts: DecideParts,
): Promise<Baseline["generations"]> {
  const generations: { [scope: string]: number } = {};
  for (const { interval, job } of intervals)
    generations[scopeIn(interval)] = (await standingOf(job, parts)).published?.generation ?? 0;
  return generations;
}

/** The same backfill always has the same key. */
export function backfillKeyOf(intervals: readonly IntervalJob[]): string {
  const hash = createHash("sha256");
  for (const { interval, job } of intervals) hash.update(`${identityOf(job)}\0${scopeIn(interval)}\n`);
  return hash.digest("hex").slice(0, 32);
}

/** Given values of variables are part of the backfill's identity. */
function identityOf(job: Job): string {
  const vars = job.vars === undefined ? "" : `\0${jobIdOf(job, "spec")}`;
  return `${job.name}\0${targetOf(job.write)}${vars}`;
}

/**
 * Returns what decisions are made from: this machine's ledger and the job's sinks.
 *
 * @param signal called when an interval is planned for its fingerprint
 */
export async function decideParts(context: ServiceContext, signal: () => AbortSignal): Promise<DecideParts> {
  const app = await context.app();
  const sinks = new Map<string, Promise<Sink>>();
  const sink = (job: Job): Promise<Sink> => {
    const target = targetOf(job.write);
    const opened = sinks.get(target) ?? app.sink(job.write);
    sinks.set(target, opened);
    return opened;
  };
  const isInterrupted = await interruptionCheck(app);
  return {
    ledger: await app.ledger(),
    sink,
    isWorkedOn: (state) => isActive(state) && !isInterrupted(state),
    async fingerprint(job) {
      try {
        const planned = await (await app.runner()).plan({ job, guess: false }, signal());
        return planned.plan.fingerprint;
      } catch (error) {
        if (["source.not-found", "source.empty"].includes(asNightshiftError(error).code)) return null;
        throw error;
      }
    },
    now: context.clock.now(),
  };
}

async function standingOf(job: Job, { ledger, sink }: DecideParts): Promise<Standing> {
  return findStanding({ jobId: jobIdOf(job, "spec"), scope: scopeOf(job, "") }, ledger, await sink(job));
}

function endOf({ status }: RunState): string {
  if (status === "failed") return "failed";
  return status === "cancelled" ? "was cancelled" : "was interrupted";
}

function scopeIn(interval: Interval): string {
  return interval.start;
}
