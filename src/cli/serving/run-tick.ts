/** The runs of one tick: the latest interval that is over at its instant, then those that the job looks back on. */
import type { App } from "../../app.js";
import { decideInterval } from "../../backfill.js";
import {
  asNightshiftError,
  CancelledError,
  isRunCancelled,
  type NightshiftError,
  SpecError,
  toErrorRecord,
} from "../../errors.js";
import { latestCompleteInterval } from "../../interval.js";
import type { Interval } from "../../job.js";
import type { Observer, RunEnd } from "../../observer.js";
import { noRows } from "../../partition.js";
import { tellAll } from "../../running/run-end.js";
import type { RunOptions, RunOutcome, RunRequest } from "../../running/run-request.js";
import type { TickEnd } from "../../schedule-book.js";
import { decideParts } from "../backfilling/decide-parts.js";
import type { Cli } from "../shell/context.js";
import { jobAt, momentOf } from "./job-at.js";
import type { ServedJob } from "./spec-folder.js";

export type TickOutcome = Omit<TickEnd, "at"> | "elsewhere" | "stopped";

export async function runTick(
  cli: Cli,
  app: App,
  served: ServedJob,
  at: Date,
  given: RunOptions,
): Promise<TickOutcome> {
  let isTold = false;
  const noting: Observer = {
    on: () => undefined,
    ended() {
      isTold = true;
    },
  };
  const options = { ...given, observers: [...given.observers, noting] };
  try {
    const [interval, ...earlier] = intervalsOf(served, at);
    const end = endOf(await runOne(cli, app, served, interval ?? null, false, options));
    if (end === "stopped" || end.status === "failed" || end.status === "cancelled") return end;
    for (const before of earlier) {
      const again = await runIfStale(cli, app, served, before, options);
      if (again === "stopped") return again;
      if (again?.status === "failed" || again?.status === "cancelled") return again;
    }
    return end;
  } catch (thrown) {
    const error = asNightshiftError(thrown);
    if (error.code === "refused.owner-alive") return "elsewhere";
    if (error instanceof CancelledError) return "stopped";
    cli.err.line(cli.err.paint.red(`${served.name}: ${error.message}`));
    if (!isTold) tellAll(given.observers, (observer) => observer.ended?.(neverAsked(cli, served, error)));
    return { status: "failed", runId: null, error: error.code };
  }
}

/** The end of a tick whose spec would not load any more, say: no runner was asked for anything. */
function neverAsked(cli: Cli, { name, path }: ServedJob, error: NightshiftError): RunEnd {
  return {
    ...{ at: cli.clock.now().toISOString(), job: name, interval: null, trigger: "schedule", target: path },
    ...{ runId: null, status: "failed", rows: noRows, seconds: 0, error: toErrorRecord(error) },
  };
}

/** The interval of a tick, then those before it, newest first; none for a job without intervals. */
function intervalsOf({ name, rule, lookback }: ServedJob, at: Date): readonly Interval[] {
  if (rule === null) return [];
  const intervals: Interval[] = [];
  let interval = latestCompleteInterval(at, rule);
  if (interval === null)
    throw new SpecError(
      "usage.no-complete-interval",
      `no interval of ${name} is over at ${at.toISOString()}`,
    );
  while (interval !== null && intervals.length <= lookback) {
    intervals.push(interval);
    // When it began, the one before it was over.
    interval = latestCompleteInterval(new Date(interval.start), rule);
  }
  return intervals;
}

async function runIfStale(
  cli: Cli,
  app: App,
  served: ServedJob,
  interval: Interval,
  options: RunOptions,
): Promise<Omit<TickEnd, "at"> | "stopped" | null> {
  const job = await jobAt(cli, served, momentOf(served, interval));
  const decision = await decideInterval({ interval, job }, await decideParts(cli), {
    reprocess: "stale",
    baseline: null,
  });
  // What was never published is a backfill's to do.
  if (decision.action === "skip" || !decision.reprocess) return null;
  return endOf(await runOne(cli, app, served, interval, true, options));
}

async function runOne(
  cli: Cli,
  app: App,
  served: ServedJob,
  interval: Interval | null,
  reprocess: boolean,
  options: RunOptions,
): Promise<RunOutcome> {
  const request: RunRequest = {
    ...{
      job: await jobAt(cli, served, momentOf(served, interval)),
      kind: "spec",
      specPath: served.path,
      trigger: "schedule",
    },
    ...{ guess: false, reprocess, restart: false, takeOver: false },
  };
  const outcome = await (await app.runner()).run(request, options);
  if (outcome.warning !== null) cli.err.line(cli.err.paint.yellow(`${served.name}: ${outcome.warning}`));
  if (outcome.status === "failed" && outcome.error !== null)
    cli.err.line(cli.err.paint.red(`${served.name}: ${outcome.error.message}`));
  return outcome;
}

function endOf({ status, run, error }: RunOutcome): Omit<TickEnd, "at"> | "stopped" {
  // What this process was stopped in goes on later; what somebody cancelled has ended.
  if (status === "cancelled" && !isRunCancelled(error)) return "stopped";
  return { status, runId: run?.id ?? null, error: error?.code ?? null };
}
