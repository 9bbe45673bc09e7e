/** Nightshift inside a program. It prints nothing, handles no signal, and never ends the process. */
import { CancelledError, SpecError } from "../errors.js";
import type { Preview } from "../host/host.js";
import type { Lane } from "../job/lane.js";
import type { PartitionState } from "../job/partition.js";
import type { RunEvent } from "../job/run-events.js";
import type { PartitionCounts } from "../ledgers/ledger.js";
import type { CancelOutcome } from "../running/cancel-run.js";
import type { Garbage } from "../running/collect-garbage.js";
import type { RunOutcome } from "../running/run-request.js";
import { cancel } from "../service/cancel.js";
import { type App, type ServiceContext, warningNote } from "../service/context.js";
import { type ErrorReport, errorReport } from "../service/error-report.js";
import { collectGarbage } from "../service/gc.js";
import { jobFor } from "../service/jobs.js";
import {
  type ListedJob,
  type ListedRun,
  type ListedTick,
  type ListFilter,
  listJobs,
  listPartitions,
  listRuns,
  listTicks,
} from "../service/list.js";
import { outputFor } from "../service/outputs.js";
import { type JobPlan, plan, preview } from "../service/plan.js";
import { type ReadyRun, retryRun, runJob } from "../service/run.js";
import { runFor, statusCheck } from "../service/run-status.js";
import type { ServeEnd, ServiceEvent } from "../service/serve.js";
import { openSlot, openSlots, type SharedSlots, type Slots, shareSlots } from "../service/slots.js";
import type { RolledBack } from "../sinks/sink.js";
import type { WorkerEvent } from "../worker/queue-worker.js";
import { backfillHere, serveHere, workHere } from "./long-running.js";
import { type Ongoing, once, ongoing } from "./ongoing.js";
import type * as Options from "./options.js";

/** A run that goes on. Its outcome rejects if no run could be started. */
export type OngoingRun = Ongoing<RunEvent, RunOutcome>;

export interface Lists {
  /** Every spec of the jobs folder, with its times. */
  jobs(): Promise<readonly ListedJob[]>;
  /** Runs, newest first; 20 by default. */
  runs(filter?: Partial<ListFilter>): Promise<readonly ListedRun[]>;
  /** What became of the instants of schedules, newest first; 20 by default. */
  ticks(filter?: Partial<ListFilter>): Promise<readonly ListedTick[]>;
  /** Partitions of a run; by default of the last one. */
  partitions(run?: string): Promise<readonly PartitionState[]>;
}

/** Opened by `openNightshift`. */
export class Nightshift {
  private readonly context: ServiceContext;
  private readonly closing = new AbortController();
  private readonly active = new Set<Promise<unknown>>();
  private readonly slots: () => Promise<{ readonly slots: Slots; readonly shared: SharedSlots }>;
  /** Its host is used by no run: plans and previews do not wait for one. */
  private readonly planning: () => Promise<App>;
  private opened: { slots: boolean; planning: boolean; app: boolean } = {
    slots: false,
    planning: false,
    app: false,
  };

  constructor(context: ServiceContext, maxParallel: number) {
    if (!Number.isSafeInteger(maxParallel) || maxParallel < 1)
      throw new SpecError("usage.invalid-argument", `maxParallel is ${maxParallel}, not a number of runs`, {
        hint: "Give a whole number from 1.",
      });
    const app = async (): Promise<App> => {
      this.opened.app = true;
      return context.app();
    };
    this.context = { ...context, app };
    this.slots = once(async () => {
      this.opened.slots = true;
      const slots = await openSlots(this.context, Math.min(maxParallel, context.settings.cores));
      return { slots, shared: shareSlots(slots.apps) };
    });
    this.planning = once(() => {
      this.opened.planning = true;
      return openSlot(this.context, maxParallel + 1);
    });
  }

  /** Runs a job to its publication. Creates a run, or resumes an unfinished one of the same job and interval. */
  run(job: Options.JobName, options: Options.RunOptions = {}): OngoingRun {
    const {
      at,
      vars,
      signal,
      reprocess = false,
      restart = false,
      takeOver = false,
      waitForMs,
      lane,
    } = options;
    return this.ongoing(signal, (emit, stop) =>
      runJob(
        this.context,
        job,
        {
          ...(at === undefined ? {} : { at }),
          ...(vars === undefined ? {} : { var: vars }),
          trigger: "library",
          reprocess,
          restart,
          takeOver,
          lane,
          waitForMs,
          onWait: ({ error }) => this.context.note(warningNote(`${error.message}: waiting for it`)),
        },
        (ready) => this.inSlot(ready, emit, stop, lane),
      ),
    );
  }

  /** Does what is unfinished of a run, by its stored plan. @param run its id or the beginning of it; by default the last run */
  retry(run?: string, { signal, takeOver = false, lane }: Options.RetryOptions = {}): OngoingRun {
    return this.ongoing(signal, (emit, stop) =>
      retryRun(this.context, run, { takeOver }, (ready) => this.inSlot(ready, emit, stop, lane)),
    );
  }

  /** Plans a job without running it. Reads footers and the model only. */
  plan(
    job: Options.JobName,
    { signal, ...moment }: Options.MomentOptions & Options.StopOptions = {},
  ): Promise<JobPlan> {
    return this.track(signal, async (stop) =>
      plan(await this.planning(), await this.find(job, moment), stop),
    );
  }

  /** Scores the first rows of a job's input. Publishes nothing. */
  preview(job: Options.JobName, { limit = 10, ...moment }: Options.PreviewOptions = {}): Promise<Preview> {
    return this.track(undefined, async () =>
      preview(await this.planning(), { job: await this.find(job, moment), guess: false, limit }),
    );
  }

  /** Runs a job for every interval of a range that has to run. A failure does not end it. */
  backfill(
    job: string,
    options: Options.BackfillOptions,
  ): Ongoing<Options.BackfillEvent, Options.BackfillOutcome> {
    return this.ongoing(options.signal, (emit, stop) =>
      this.withOwnApp((context) => backfillHere(context, job, options, emit, stop)),
    );
  }

  /** Cancels one run, or all unfinished runs of a job, whichever process owns them. @param given id of a run, or name of a job */
  cancel(given: string, options: Options.CancelOptions = {}): Promise<readonly CancelOutcome[]> {
    const { takeOver = false, waitMs = 60_000, signal } = options;
    return this.track(
      signal,
      async (stop) => (await cancel(this.context, given, { takeOver, waitMs, signal: stop })).outcomes,
    );
  }

  /** Hides the last publications of an output. @param output name of its job, or its path */
  rollback(output: string, { last = 1 }: { readonly last?: number } = {}): Promise<RolledBack> {
    return this.track(undefined, async () => {
      const write = await outputFor(this.context, output);
      return (await (await this.context.app()).sink(write)).rollback(last);
    });
  }

  /** Returns where a run stands. @param run its id or the beginning of it; by default the last run */
  status(run?: string): Promise<ListedRun & { readonly partitions: PartitionCounts }> {
    return this.track(undefined, async () => {
      const app = await this.context.app();
      const ledger = await app.ledger();
      const state = await runFor(ledger, run);
      const status = await (await statusCheck(app))(state);
      return { state, status, partitions: await ledger.countPartitions(state.run.id) };
    });
  }

  readonly list: Lists = {
    jobs: () => this.track(undefined, () => listJobs(this.context)),
    runs: (filter = {}) =>
      this.track(undefined, async () => listRuns(await this.context.app(), { limit: 20, ...filter })),
    ticks: (filter = {}) => this.track(undefined, () => listTicks(this.context, { limit: 20, ...filter })),
    partitions: (run) => this.track(undefined, async () => listPartitions(await this.context.app(), run)),
  };

  /** Returns what went wrong in a run. @param run its id or the beginning of it; by default the last run */
  errors(run?: string, { samples = 3 }: { readonly samples?: number } = {}): Promise<ErrorReport> {
    return this.track(undefined, async () => errorReport(await this.planning(), run, samples));
  }

  /** Removes what no run and no reader needs any more, and runs that are past `retention` of nightshift.yaml. */
  gc({ dryRun = false }: { readonly dryRun?: boolean } = {}): Promise<Garbage> {
    return this.track(undefined, () => collectGarbage(this.context, dryRun));
  }

  /** Follows the schedules of a folder of jobs until the signal fires, or until it is closed. */
  serve(options: Options.ServeOptions = {}): Ongoing<ServiceEvent, ServeEnd> {
    return this.ongoing(options.signal, (emit, stop) =>
      this.withOwnApp((context) => serveHere(context, options, emit, stop)),
    );
  }

  /** Takes partitions from the queue until the signal fires, or until it is closed. Its outcome rejects if it can take none. */
  worker(options: Options.WorkerOptions = {}): Ongoing<WorkerEvent, void> {
    return this.ongoing(options.signal, (emit, stop) =>
      this.withOwnApp((context) => workHere(context, options, emit, stop)),
    );
  }

  /** Stops runs between chunks, services and workers, waits for them, and closes what is open. Runs can be resumed. */
  async close(): Promise<void> {
    this.closing.abort();
    await Promise.allSettled(this.active);
    if (this.opened.slots) {
      const { slots, shared } = await this.slots();
      shared.close();
      await slots.close();
    }
    if (this.opened.planning) await (await this.planning()).close();
    if (this.opened.app) await (await this.context.app()).close();
    this.opened = { slots: false, planning: false, app: false };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private async find(job: Options.JobName, { at, vars }: Options.MomentOptions) {
    if (typeof job !== "string") return job;
    const moment = { ...(at === undefined ? {} : { at }), ...(vars === undefined ? {} : { var: vars }) };
    return (await jobFor(this.context, job, moment)).job;
  }

  private async inSlot(
    { start, observers }: ReadyRun,
    emit: (event: RunEvent) => void,
    signal: AbortSignal,
    lane: Lane | undefined,
  ): Promise<RunOutcome> {
    const { shared } = await this.slots();
    const own = { on: emit };
    const outcome = await shared.take(signal, (app) =>
      start({ signal, observers: [own, ...observers], ...(lane === undefined ? {} : { lane }) }, app),
    );
    if (outcome === "stopped") throw new CancelledError("the run was stopped before it began");
    return outcome;
  }

  private ongoing<E, O>(
    signal: AbortSignal | undefined,
    work: (emit: (event: E) => void, stop: AbortSignal) => Promise<O>,
  ): Ongoing<E, O> {
    return ongoing((emit) => this.track(signal, (stop) => work(emit, stop)));
  }

  /** Remembers the work until it ends, for {@link close}. @throws SpecError `usage.closed` */
  private async track<T>(
    signal: AbortSignal | undefined,
    work: (stop: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.closing.signal.aborted)
      throw new SpecError("usage.closed", "this Nightshift is closed", { hint: "Open another one." });
    const stop = signal === undefined ? this.closing.signal : AbortSignal.any([this.closing.signal, signal]);
    const working = work(stop);
    this.active.add(working);
    try {
      return await working;
    } finally {
      this.active.delete(working);
    }
  }

  /** Runs `work` with worker hosts that nothing else uses. */
  private async withOwnApp<T>(work: (context: ServiceContext) => Promise<T>): Promise<T> {
    const { openApp, settings } = this.context;
    const app = await openApp(settings);
    try {
      return await work({ ...this.context, app: async () => app });
    } finally {
      await app.close();
    }
  }
}
