/** What `serve` is made of: the folder of specs, the scheduler, the runs that were asked for, and tracks that they share. */
import type { App } from "../../app.js";
import { CancelledError } from "../../errors.js";
import type { Interval } from "../../job/job.js";
import type { RunEnd } from "../../observers/observer.js";
import { createScheduler } from "../../service/scheduler.js";
import { appWithShare, openApps } from "../backfilling/tracks.js";
import { interruptionCheck } from "../lookup/owners.js";
import { runObservers } from "../running/progress.js";
import type { Cli } from "../shell/context.js";
import { type AskedRuns, askedRuns } from "./asked-runs.js";
import { jobAt, momentOf } from "./job-at.js";
import { makeWay } from "./make-way.js";
import type { ServeEvent } from "./serve-text.js";
import { type ServedSpec, type SpecFolder, specFolder } from "./spec-folder.js";
import { tracksInTurn } from "./turns.js";
import type { JobWatch, WatchedTick } from "./watch-jobs.js";
import { runWatchedTick } from "./watched-tick.js";

export interface ServiceOptions {
  /** Absolute. */
  readonly folder: string;
  readonly maxParallel: number;
  readonly tell: (event: ServeEvent) => void;
  readonly watch: JobWatch;
}

export interface Service {
  readonly specs: SpecFolder;
  readonly asked: AskedRuns;
  /** An app of its own, opened when it is first needed. */
  readonly planning: () => Promise<App>;
  /** Loads the specs that have changed. */
  refresh(): Promise<void>;
  /** Starts what is due. @returns when the next tick is */
  look(): Promise<Date | null>;
  /** Ticks and runs that run or wait. */
  underWay(): number;
  drain(): Promise<void>;
  stop(): void;
  close(): Promise<void>;
}

export async function openService(
  cli: Cli,
  { folder, maxParallel, tell, watch }: ServiceOptions,
): Promise<Service> {
  const app = await cli.app();
  const specs = specFolder(cli, folder, tell);
  // A server that is away is told of before anything else begins.
  const [ledger, book] = [await app.ledger(), await app.scheduleStore()];
  const tracks = await openApps(cli, Math.min(maxParallel, cli.settings.cores));
  const turns = tracksInTurn(tracks.apps);
  /** Of a run whose spec is gone from the folder, nobody else is told. */
  const observersOf = async (served: ServedSpec | null, tick?: WatchedTick) => [
    ...(cli.globals.json || isLines(cli.globals.progress) ? runObservers(cli) : []),
    { on: () => undefined, ended: (end: RunEnd) => tell({ type: "run.finished", end }) },
    ...(served === null ? [watch.metrics.observer] : await watch.of(served, tick)),
  ];
  const isInterrupted = await interruptionCheck();
  const { processes } = await import("../../ledgers/journal/processes.js");
  const scheduler = createScheduler({
    ...{ book, clock: cli.clock, self: processes().self(), tell },
    jobs: specs.jobs,
    maxParallel: tracks.apps.length,
    makeWay: ({ name }, at, signal) => makeWay(app, name, at, { isInterrupted, signal }),
    async run({ name }, at, signal, before) {
      const outcome = await turns.take(signal, async (track) => {
        const served = specs.jobs().find((job) => job.name === name);
        // Removed while it waited: it runs if the spec comes back.
        if (served === undefined) return "stopped" as const;
        const upstreams = served.after.flatMap((upstream) => {
          const good = specs.specs().find((each) => each.name === upstream)?.good ?? null;
          if (good === null || good.rule === null) return [];
          const jobAtInterval = (interval: Interval) => jobAt(cli, good, momentOf(good, interval));
          return [{ name: upstream, rule: good.rule, jobAt: jobAtInterval }];
        });
        return runWatchedTick(cli, track, served, at, { watch, observersOf, signal, before, upstreams });
      });
      return outcome;
    },
  });
  const asked = askedRuns({
    ...{ ledger, turns, tell },
    observersOf: ({ jobName }) =>
      observersOf(specs.specs().find(({ name }) => name === jobName)?.good ?? null),
    isInterrupted,
    cancel: async (runId) =>
      (await app.runner()).cancel(runId, { takeOver: false, waitMs: 0, signal: AbortSignal.abort() }),
    monotonicMs: cli.clock.monotonicMs,
    now: cli.clock.now,
  });
  let beside: Promise<App> | null = null;
  let isClosed = false;

  return {
    specs,
    asked,
    planning() {
      if (isClosed) throw new CancelledError("the service is stopping");
      beside ??= appWithShare(cli, tracks.apps.length + 1);
      return beside;
    },
    refresh: specs.refresh,
    async look() {
      await asked.recover().catch((error: unknown) => tell({ type: "serve.failed", error }));
      const next = await scheduler.look();
      await watch.look(specs.jobs());
      return next;
    },
    underWay: () => scheduler.underWay() + asked.underWay(),
    async drain() {
      turns.close();
      await Promise.all([scheduler.drain(), asked.drain()]);
    },
    stop() {
      scheduler.stop();
      asked.stop();
    },
    async close() {
      isClosed = true;
      await (await beside)?.close();
      await tracks.close();
    },
  };
}

/** Asked for in words: a bar is for one run, and a service tells of ticks unless it is asked for more. */
function isLines(progress: Cli["globals"]["progress"]): boolean {
  return progress === "json" || progress === "plain";
}
