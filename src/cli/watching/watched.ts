/** Who looks on while a command runs something, beside whoever shows its progress. */
import type { Observer } from "../../observer.js";
import type { MetricsFlags } from "../running/run-options.js";
import type { Cli } from "../shell/context.js";
import { pushedMetrics } from "./metrics.js";

export interface WatchedJob {
  readonly name: string;
}

/** Does the work with its observers, then sees them off. What they fail at is told, and changes nothing. */
export async function watched<T>(
  cli: Cli,
  flags: MetricsFlags,
  job: WatchedJob,
  work: (observers: readonly Observer[]) => Promise<T>,
): Promise<T> {
  const metrics = await pushedMetrics(cli, flags, job.name);
  try {
    return await work(metrics === null ? [] : [metrics.observer]);
  } finally {
    await metrics?.push();
  }
}
