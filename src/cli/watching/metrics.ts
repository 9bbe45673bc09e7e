/** The metrics of this process, with what its ledger and its queue tell. */
import { asNightshiftError } from "../../errors.js";
import type { Metrics } from "../../observers/metrics/metrics.js";
import { warningNote } from "../output/note.js";
import type { MetricsFlags } from "../running/run-options.js";
import type { Cli } from "../shell/context.js";

export interface OpenMetricsOptions {
  /** Names of the jobs whose freshness is exported, as of now. */
  readonly jobs: () => readonly string[];
  /** This process makes attempts at partitions from the queue; without it, it coordinates. */
  readonly isWorker?: boolean;
}

export async function openMetrics(
  cli: Cli,
  { jobs, isWorker = false }: OpenMetricsOptions,
): Promise<Metrics> {
  const { createMetrics } = await import("../../observers/metrics/metrics.js");
  const { readFreshness } = await import("../../running/job-freshness.js");
  const app = await cli.app();
  const queue =
    cli.settings.queue === null
      ? {}
      : { attemptsElsewhere: !isWorker, pending: async () => (await app.queue()).pending() };
  return createMetrics({
    clock: cli.clock,
    freshness: async () => readFreshness(jobs(), { ledger: await app.ledger(), sink: app.sink }),
    ...queue,
    onTrouble: (what, error) =>
      warn(cli, `metrics leave out what ${what} would tell: ${asNightshiftError(error).message}`),
  });
}

export interface PushedMetrics extends Pick<Metrics, "observer"> {
  /** Pushes and writes what there is by now. A run never fails for it, so neither does this. */
  push(): Promise<void>;
}

/**
 * For one command about one job; `null` where nobody asked for its metrics.
 * @throws SpecError `usage.metrics-push`
 */
export async function pushedMetrics(
  cli: Cli,
  { metricsPush, metricsFile }: MetricsFlags,
  job: string,
): Promise<PushedMetrics | null> {
  const given = metricsPush ?? cli.settings.metricsPush;
  if (given === null && metricsFile === undefined) return null;
  const { pushMetrics, pushTarget, writeMetrics } = await import("../../observers/metrics/push.js");
  const target = given === null ? null : pushTarget(given, job);
  const { observer, lasting } = await openMetrics(cli, { jobs: () => [job] });
  const unlessItFails = async (doing: string, work: () => Promise<void>): Promise<void> => {
    await work().catch((error: unknown) => warn(cli, `metrics could not be ${doing}: ${messageOf(error)}`));
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

function warn({ note }: Cli, text: string): void {
  note(warningNote(text));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
