/** Observers of runs: metrics, traces and notices. */
import { asNightshiftError } from "../errors.js";
import type { NotifySettings } from "../job/notice.js";
import type { Metrics } from "../observers/metrics/metrics.js";
import type { Due } from "../observers/notices/job-notices.js";
import type { Observer } from "../observers/observer.js";
import { openTraces } from "../observers/traces/open-traces.js";
import { type ServiceContext, warningNote } from "./context.js";
import { openNotices } from "./notices.js";

export interface OpenMetricsOptions {
  /** Names of the jobs whose freshness is exported, as of now. */
  readonly jobs: () => readonly string[];
  /** This process makes attempts at partitions from the queue; without it, it coordinates. */
  readonly isWorker?: boolean;
}

/** Returns the metrics of this process, with gauges that are read from its ledger and its queue. */
export async function openMetrics(
  context: ServiceContext,
  { jobs, isWorker = false }: OpenMetricsOptions,
): Promise<Metrics> {
  const { createMetrics } = await import("../observers/metrics/metrics.js");
  const { readFreshness } = await import("../running/job-freshness.js");
  const app = await context.app();
  const queue =
    context.settings.queue === null
      ? {}
      : { attemptsElsewhere: !isWorker, pending: async () => (await app.queue()).pending() };
  return createMetrics({
    clock: context.clock,
    freshness: async () => readFreshness(jobs(), { ledger: await app.ledger(), sink: app.sink }),
    ...queue,
    onTrouble: (what, error) =>
      warn(context, `metrics that need ${what} are missing: ${asNightshiftError(error).message}`),
  });
}

/** Where a short-lived process leaves its metrics. */
export interface MetricsPush {
  /** URL of a Pushgateway; by default the one of the settings. */
  readonly metricsPush?: string;
  /** A file for the textfile collector of a node exporter. */
  readonly metricsFile?: string;
}

export interface PushedMetrics extends Pick<Metrics, "observer"> {
  /** Pushes and writes the metrics as of now. A failure is a warning. */
  push(): Promise<void>;
}

/**
 * Returns the metrics of one command about one job; `null` if they go nowhere.
 *
 * @throws SpecError `usage.metrics-push`
 */
async function pushedMetrics(
  context: ServiceContext,
  { metricsPush, metricsFile }: MetricsPush,
  job: string,
): Promise<PushedMetrics | null> {
  const given = metricsPush ?? context.settings.metricsPush;
  if (given === null && metricsFile === undefined) return null;
  const { pushMetrics, pushTarget, writeMetrics } = await import("../observers/metrics/push.js");
  const target = given === null ? null : pushTarget(given, job);
  const { observer, lasting } = await openMetrics(context, { jobs: () => [job] });
  const failed = (doing: string, error: unknown): void =>
    warn(context, `metrics could not be ${doing}: ${messageOf(error)}`);
  const unlessItFails = async (doing: string, work: () => Promise<void>): Promise<void> => {
    await work().catch((error: unknown) => failed(doing, error));
  };
  return {
    observer,
    async push() {
      const exposition = await lasting();
      if (target !== null)
        await unlessItFails(`pushed to ${target.place}`, () => pushMetrics(target, exposition));
      if (metricsFile !== undefined)
        await unlessItFails(`written to ${metricsFile}`, () => writeMetrics(metricsFile, exposition));
    },
  };
}

function warn({ note }: ServiceContext, text: string): void {
  note(warningNote(text));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export interface ObservedJob {
  readonly name: string;
  readonly notify?: NotifySettings | null;
  readonly due?: Due | null;
}

/** Runs `work` with the job's observers, then closes them. A failure of an observer is a warning. */
export async function withObservers<T>(
  context: ServiceContext,
  push: MetricsPush,
  { name, notify = null, due = null }: ObservedJob,
  work: (observers: readonly Observer[]) => Promise<T>,
): Promise<T> {
  const metrics = await pushedMetrics(context, push, name);
  const notices = notify === null ? null : await openNotices(context);
  const observers = [
    await openTraces(),
    metrics?.observer ?? null,
    notices === null || notify === null ? null : await notices.of({ name, notify, due }),
  ].filter((observer) => observer !== null);
  try {
    return await work(observers);
  } finally {
    await Promise.all([metrics?.push(), notices?.close(), ...observers.map((each) => each.close?.())]);
  }
}
