/** One look at a tick by a service: its runs, with the observers of its job. */
import type { App } from "../../app.js";
import type { TickProgress } from "../../ledgers/schedule-store.js";
import type { Observer } from "../../observers/observer.js";
import type { Upstream } from "../../running/upstream.js";
import type { TickOutcome } from "../../service/scheduler.js";
import type { Cli } from "../shell/context.js";
import { hasTryLeft, runTick } from "./run-tick.js";
import type { ServedJob, ServedSpec } from "./spec-folder.js";
import type { JobWatch, WatchedTick } from "./watch-jobs.js";

export interface WatchedTickOptions {
  readonly watch: Pick<JobWatch, "tellWaiting">;
  readonly observersOf: (served: ServedSpec, tick: WatchedTick) => Promise<readonly Observer[]>;
  readonly signal: AbortSignal;
  /** What became of the tick so far; `null` at its first try. */
  readonly before: TickProgress | null;
  readonly upstreams?: readonly Upstream[];
}

/** Runs a tick, and notifies once that it begins to wait. A failure that is tried again is not notified. */
export async function runWatchedTick(
  cli: Cli,
  app: App,
  served: ServedJob,
  at: Date,
  { watch, observersOf, signal, before, upstreams = [] }: WatchedTickOptions,
): Promise<TickOutcome> {
  const observers = await observersOf(served, {
    before,
    isTriedAgain: (error) => hasTryLeft(served, before, error),
  });
  const outcome = await runTick(cli, app, served, at, { signal, observers }, { before, upstreams });
  if (before === null && typeof outcome === "object" && "progress" in outcome)
    await watch.tellWaiting(served, at, outcome.progress);
  return outcome;
}
