/** Who looks on while a command runs something, beside whoever shows its progress. */
import type { NotifySettings } from "../../job/notice.js";
import type { Due } from "../../observers/notices/job-notices.js";
import type { Observer } from "../../observers/observer.js";
import { openTraces } from "../../observers/traces/open-traces.js";
import type { MetricsFlags } from "../running/run-options.js";
import type { Cli } from "../shell/context.js";
import { pushedMetrics } from "./metrics.js";

export interface WatchedJob {
  readonly name: string;
  readonly notify?: NotifySettings | null;
  readonly due?: Due | null;
}

/** Does the work with its observers, then sees them off. What they fail at is told, and changes nothing. */
export async function watched<T>(
  cli: Cli,
  flags: MetricsFlags,
  { name, notify = null, due = null }: WatchedJob,
  work: (observers: readonly Observer[]) => Promise<T>,
): Promise<T> {
  const metrics = await pushedMetrics(cli, flags, name);
  const notices = notify === null ? null : await (await import("./notices.js")).openNotices(cli);
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
