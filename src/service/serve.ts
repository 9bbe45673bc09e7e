/** A service: the folder of specs, the scheduler, requested runs, and the slots that ticks and runs share. */
import { asNightshiftError, CancelledError } from "../errors.js";
import type { Interval } from "../job/job.js";
import type { Observer, RunEnd } from "../observers/observer.js";
import { preempt } from "./cancel.js";
import type { App, ServiceContext } from "./context.js";
import { type RequestedRunEvent, type RequestedRuns, requestedRuns } from "./requested-runs.js";
import { interruptionCheck } from "./run-status.js";
import { createScheduler } from "./scheduler.js";
import type { SchedulerEvent } from "./settle-tick.js";
import { openSlot, openSlots, shareSlots } from "./slots.js";
import {
  type FolderEvent,
  jobAt,
  momentOf,
  type ServedSpec,
  type SpecFolder,
  specFolder,
} from "./spec-folder.js";
import { type JobWatch, runWatchedTick, type WatchedTick, watchJobs } from "./watch-jobs.js";

export type ServiceEvent =
  | SchedulerEvent
  | FolderEvent
  | RequestedRunEvent
  /** A run of this service ended; with its counts. */
  | { readonly type: "run.finished"; readonly end: RunEnd }
  | { readonly type: "api.listening"; readonly url: string }
  | { readonly type: "serve.failed"; readonly error: unknown };

export interface ServeOptions {
  /** Folder of the specs; absolute. */
  readonly folder: string;
  /** Runs at a time; no more than there are cores. */
  readonly maxParallel: number;
  /** Fires to start nothing new, and to drain. */
  readonly stopping: AbortSignal;
  /** How long runs may take to end after that. Then they stop between chunks, and a later service resumes them. */
  readonly drainMs: number;
  readonly tell: (event: ServiceEvent) => void;
  /** Returns more observers of each run. */
  readonly progress: () => readonly Observer[];
  /** Opens the interfaces of the service once the specs are loaded; closed when all runs have ended. */
  readonly openInterfaces: (
    service: Service,
    watch: JobWatch,
  ) => Promise<{ readonly close: () => Promise<void> }>;
  /** Called when the service begins to drain; with the number of runs it waits for. */
  readonly onDraining: (running: number) => void;
}

/** `cut`: runs were stopped, and a later service resumes them. */
export type ServeEnd = "drained" | "cut";

/**
 * Serves a folder of jobs until `stopping` fires. @throws errors of opening the ledger, the slots and the
 * interfaces
 */
export async function serve(context: ServiceContext, options: ServeOptions): Promise<ServeEnd> {
  let service: Service | null = null;
  const served = () => service?.specs.specs().flatMap(({ good }) => (good === null ? [] : [good])) ?? [];
  const watch = await watchJobs(context, served);
  try {
    service = await openService(context, options, watch);
    try {
      // The interfaces may be asked about the specs at once.
      await service.refresh();
      const interfaces = await options.openInterfaces(service, watch);
      try {
        await serveUntil(context, options.stopping, service);
        return await drain(context, service, options);
      } finally {
        await interfaces.close();
      }
    } finally {
      await service.close();
    }
  } finally {
    await watch.close();
  }
}

/** Interval of the checks for changed specs and for jumps of the clock. */
const lookEveryMs = 2000;

async function serveUntil(context: ServiceContext, stopping: AbortSignal, service: Service): Promise<void> {
  let reported = "";
  while (!stopping.aborted) {
    // While the folder cannot be read, the jobs stay as they are.
    const problem = await service.refresh().then(
      () => "",
      (error: unknown) => asNightshiftError(error).message,
    );
    if (problem !== reported && problem !== "")
      context.note({ level: "error", message: "jobs unreadable", text: problem });
    reported = problem;
    const next = await service.look();
    const untilNextMs = next === null ? lookEveryMs : next.getTime() - context.clock.now().getTime();
    await context.pause(Math.max(10, Math.min(lookEveryMs, untilNextMs)), stopping);
  }
}

async function drain(
  { pause }: ServiceContext,
  service: Service,
  { drainMs, onDraining }: ServeOptions,
): Promise<ServeEnd> {
  const ended = service.drain();
  const running = service.running();
  if (running > 0) onDraining(running);
  const isDone = await Promise.race([ended.then(() => true), pause(drainMs).then(() => false)]);
  if (!isDone) {
    service.stop();
    await ended;
  }
  return service.running() === 0 && isDone ? "drained" : "cut";
}

export interface Service {
  readonly specs: SpecFolder;
  readonly requested: RequestedRuns;
  /** Opens, on the first call, an app for plans that are made while a client waits. */
  readonly planning: () => Promise<App>;
  /** Loads the specs that have changed. */
  refresh(): Promise<void>;
  /** Starts what is due. @returns when the next tick is due */
  look(): Promise<Date | null>;
  /** Number of ticks and runs that run or wait for a slot. */
  running(): number;
  /** Starts nothing new. Resolves when everything that runs has ended. */
  drain(): Promise<void>;
  /** Stops what runs between chunks. */
  stop(): void;
  close(): Promise<void>;
}

async function openService(
  context: ServiceContext,
  { folder, maxParallel, tell, progress }: ServeOptions,
  watch: JobWatch,
): Promise<Service> {
  const app = await context.app();
  const specs = specFolder(context, folder, tell);
  // An unreachable server fails the start, before anything runs.
  const [ledger, book] = [await app.ledger(), await app.scheduleStore()];
  const slots = await openSlots(context, Math.min(maxParallel, context.settings.cores));
  const shared = shareSlots(slots.apps);
  /** `null`: the run's spec is gone from the folder, so its notices have no receiver. */
  const observersOf = async (served: ServedSpec | null, tick?: WatchedTick): Promise<readonly Observer[]> => [
    ...progress(),
    { on: () => undefined, ended: (end: RunEnd) => tell({ type: "run.finished", end }) },
    ...(served === null ? [watch.metrics.observer] : await watch.of(served, tick)),
  ];
  const isInterrupted = await interruptionCheck(app);
  const specOf = (name: string): ServedSpec | null =>
    specs.specs().find((each) => each.name === name)?.good ?? null;

  function upstreamsOf({ after }: ServedSpec) {
    return after.flatMap((name) => {
      const good = specOf(name);
      if (good === null || good.rule === null) return [];
      const jobAtInterval = (interval: Interval) => jobAt(context, good, momentOf(good, interval));
      return [{ name, rule: good.rule, jobAt: jobAtInterval }];
    });
  }

  const scheduler = createScheduler({
    book,
    clock: context.clock,
    self: (await app.processes()).self(),
    tell,
    jobs: specs.jobs,
    maxParallel: slots.apps.length,
    preempt: ({ name }, at, signal) => preempt(app, name, at, { isInterrupted, signal }),
    run: ({ name }, at, signal, before) =>
      shared.take(signal, async (slot) => {
        const served = specs.jobs().find((job) => job.name === name);
        // The spec was removed while the tick waited. The tick runs if the spec comes back.
        if (served === undefined) return "stopped" as const;
        const upstreams = upstreamsOf(served);
        return runWatchedTick(context, slot, served, at, { watch, observersOf, signal, before, upstreams });
      }),
  });
  const requested = requestedRuns({
    ledger,
    slots: shared,
    tell,
    observersOf: ({ jobName }) => observersOf(specOf(jobName)),
    isInterrupted,
    cancel: async (runId) =>
      (await app.runner()).cancel(runId, { takeOver: false, waitMs: 0, signal: AbortSignal.abort() }),
    monotonicMs: context.clock.monotonicMs,
    now: context.clock.now,
  });
  let planning: Promise<App> | null = null;
  let isClosed = false;

  return {
    specs,
    requested,
    planning() {
      if (isClosed) throw new CancelledError("the service is stopping");
      planning ??= openSlot(context, slots.apps.length + 1);
      return planning;
    },
    refresh: specs.refresh,
    async look() {
      await requested.recover().catch((error: unknown) => tell({ type: "serve.failed", error }));
      const next = await scheduler.look();
      await watch.look(specs.jobs());
      return next;
    },
    running: () => scheduler.running() + requested.running(),
    async drain() {
      shared.close();
      await Promise.all([scheduler.drain(), requested.drain()]);
    },
    stop() {
      scheduler.stop();
      requested.stop();
    },
    async close() {
      isClosed = true;
      await (await planning)?.close();
      await slots.close();
    },
  };
}
