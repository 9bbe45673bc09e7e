/**
 * The coordinator's front door: plans a request, decides which run it means, and has that run executed. It opens no
 * data and no model; the worker host does.
 */

import type { Clock } from "./clock.js";
import { asNightshiftError, CancelledError, SpecError } from "./errors.js";
import type { WorkerHost } from "./host.js";
import { type InputSpec, isLive, type Job, targetOf, type WriteSpec } from "./job.js";
import { usualLane } from "./lane.js";
import type { Ledger } from "./ledger.js";
import type { Emit, Observer } from "./observer.js";
import { noRows, noStats, type Partition } from "./partition.js";
import type { Plan } from "./plan.js";
import { neverReturned } from "./planning/never-returned.js";
import type { Owner, Run, RunState } from "./run.js";
import { type CancelOptions, type CancelOutcome, cancelJob, cancelRun } from "./running/cancel-run.js";
import { type Pause, watchForCancel } from "./running/cancel-watch.js";
import { chooseRun, findStanding, runNamed, type Standing } from "./running/choose-run.js";
import type { MakeDispatcher } from "./running/dispatch-partitions.js";
import { executeRun } from "./running/execute-run.js";
import { finishRun, type RecordedRun, recordRun } from "./running/record-run.js";
import { tellAll, tellingEnd } from "./running/run-end.js";
import { jobIdOf, newRun, scopeOf } from "./running/run-identity.js";
import type { PlannedJob, PlanRequest, RunOptions, RunOutcome, RunRequest } from "./running/run-request.js";
import { justStarted, supersede } from "./running/supersede-run.js";
import type { Sink } from "./sink.js";
import type { InputKeeper } from "./source.js";

export interface Runner {
  /** Plans without running anything. Reads footers and the model only; with `tryLoad` also loads it as a thread would. */
  plan(request: PlanRequest, signal: AbortSignal): Promise<PlannedJob>;
  /** What `run` would find. */
  standing(request: Pick<RunRequest, "job" | "kind">, plan: Plan): Promise<Standing>;
  /** Plans, then creates or resumes the run, and publishes it. */
  run(request: RunRequest, options: RunOptions): Promise<RunOutcome>;
  /** Runs a plan made earlier. */
  runPlan(
    planned: PlannedJob,
    request: Omit<RunRequest, "job" | "guess">,
    options: RunOptions,
  ): Promise<RunOutcome>;
  /** Records the run that a request means, for {@link Runner.finish}, perhaps in another process. */
  record(request: RunRequest, signal: AbortSignal): Promise<RecordedRun>;
  /** As `retry`, of a run that nobody waits for: what keeps it from being planned fails it. */
  finish(runId: string, options: RunOptions): Promise<RunOutcome>;
  /** Does only what is unfinished, by the stored plan. */
  retry(runId: string, options: RunOptions & { readonly takeOver: boolean }): Promise<RunOutcome>;
  /** Cancels a run, whichever process owns it. */
  cancel(runId: string, options: CancelOptions): Promise<CancelOutcome>;
  /** Cancels what is unfinished of a job, and stops its backfills. */
  cancelJob(jobName: string, options: CancelOptions): Promise<readonly CancelOutcome[]>;
}

/** What the runner is handed; everything behind a contract. */
export interface RunnerParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly self: Owner;
  readonly cores: number;
  readonly memoryBytes: number;
  /** The host that plans; started when first needed. */
  readonly planningHost: () => WorkerHost;
  readonly sink: (write: WriteSpec) => Promise<Sink>;
  /** `null` for an input that needs none. */
  readonly keeper: (input: InputSpec) => Promise<InputKeeper | null>;
  readonly dispatcher: MakeDispatcher;
  readonly pause: Pause;
}

/** When a request began, and how long it planned; `null` where it did not. */
interface Timing {
  readonly startedMs: number;
  readonly planSeconds: number | null;
}

/** A host that somebody killed while it planned is replaced this often; what kills it by itself is a DataError. */
const planningAttempts = 3;
/** A run whose snapshot is lost over and over, while a server restarts every minute say, is left to people. */
const maxLosses = 3;

export function createRunner(parts: RunnerParts): Runner {
  const { ledger, clock } = parts;

  async function plan(request: PlanRequest, signal: AbortSignal): Promise<PlannedJob> {
    const partitions: Partition[] = [];
    const call = {
      job: request.job,
      guess: request.guess,
      cores: parts.cores,
      memoryBytes: parts.memoryBytes,
      tryLoad: request.tryLoad === true,
    };
    const onItem = (group: readonly Partition[]): void => void partitions.push(...group);
    for (let attempt = 1; ; attempt++) {
      try {
        const silenceMs = call.job.limits.partitionTimeoutMs;
        const options = { signal, onItem, silenceMs };
        return { plan: await parts.planningHost().call("plan", call, options), partitions };
      } catch (error) {
        if (asNightshiftError(error).code === "infra.host-deadline")
          throw neverReturned("Planning", call.job, error);
        if (attempt === planningAttempts || asNightshiftError(error).code !== "infra.host-died") throw error;
        partitions.length = 0;
      }
    }
  }

  async function run(request: RunRequest, options: RunOptions): Promise<RunOutcome> {
    const timing = begin();
    const maySkip = request.job.input.onEmpty === "skip";
    try {
      const planned = await plan(request, options.signal);
      if (maySkip && planned.plan.totals.rows === 0) return outcome(null, "skipped", timing);
      return await runPlanned(planned, request, options, havingPlanned(timing));
    } catch (error) {
      if (maySkip && asNightshiftError(error).code === "source.not-found")
        return outcome(null, "skipped", timing);
      throw error;
    }
  }

  async function runPlanned(
    planned: PlannedJob,
    request: RunRequest,
    options: RunOptions,
    timing: Timing,
  ): Promise<RunOutcome> {
    const { job } = request;
    /** Another coordinator may have seen the run through between our look at it and our claim: look again. */
    const unlessPublished = (executing: Promise<RunOutcome>): Promise<RunOutcome> =>
      executing.catch((error) => {
        if (!wasJustPublished(error)) throw error;
        return runPlanned(planned, request, options, timing);
      });
    const sink = await parts.sink(job.write);
    const jobId = jobIdOf(job, request.kind);
    const scope = scopeOf(job, planned.plan.fingerprint);
    const choice = await chooseRun(
      { ...request, jobId, scope, fingerprint: planned.plan.fingerprint, isLive: isLive(job) },
      parts,
      sink,
    );
    switch (choice.type) {
      case "already-published": {
        const { publication } = choice;
        const warning = choice.warning ?? publishedOnce(job);
        const known = await runNamed(ledger, publication.runId);
        const emit = eventEmitter(publication.runId, options.observers, clock);
        emit({
          type: "run.already-published",
          publication: publication.publication,
          target: targetOf(job.write),
          warning,
        });
        return {
          ...(await outcome(known, "already-published", timing)),
          warning,
          publication: publication.publication,
        };
      }
      case "resume":
        return unlessPublished(execute(choice.run, planned, sink, request.takeOver, options, timing));
      case "create": {
        const run = newRun(request, { jobId, scope, generation: choice.generation }, clock.now());
        await sink.check(run, planned.plan.mapping.columns);
        if ((await ledger.createRun(run)) === "exists") throw justStarted(run);
        return unlessPublished(execute(run, planned, sink, request.takeOver, options, timing));
      }
    }
  }

  async function retry(
    state: RunState,
    options: RunOptions & { readonly takeOver: boolean },
  ): Promise<RunOutcome> {
    const timing = begin();
    const { run } = state;
    if (state.status === "published") return outcome(run, "already-published", timing);
    const sink = await parts.sink(run.job.write);
    if (state.status === "dropped" || (await sink.lookup(run.id))?.outcome === "abort") throw givenUp(run);
    const stored = await ledger.readPlan(run.id);
    const planned = stored === null ? await plan(run, options.signal) : { plan: stored, partitions: [] };
    const planning = stored === null ? havingPlanned(timing) : timing;
    if (scopeOf(run.job, planned.plan.fingerprint) !== run.key.scope) throw inputsMoved(run);
    return execute(run, planned, sink, options.takeOver, options, planning);
  }

  /** Brings the run to its end; where what it read is gone, its next generation, from the beginning. */
  async function execute(
    first: Run,
    planned: PlannedJob,
    sink: Sink,
    takeOver: boolean,
    options: RunOptions,
    timing: Timing,
  ): Promise<RunOutcome> {
    let [run, from] = [first, planned];
    let warning: string | null = null;
    for (let losses = 0; ; losses++) {
      const ended = await executeOnce(run, from, sink, takeOver, options, timing);
      if (ended.error?.code !== "infra.snapshot-lost" || losses === maxLosses)
        return { ...ended, warning: warning ?? ended.warning };
      // What the server has now, before anything is dropped: it may be gone altogether.
      from = await plan(run, options.signal);
      if (scopeOf(run.job, from.plan.fingerprint) !== run.key.scope) throw inputsMoved(run);
      const reason = ended.error.message;
      const next = await supersede(run, parts, sink, takeOver);
      const emit = eventEmitter(run.id, options.observers, clock);
      emit({ type: "run.superseded", by: next.run.id, reason, partitions: next.dropped });
      warning = `${reason} Everything was read anew.`;
      run = next.run;
    }
  }

  /** Claims the run, brings it to its end, and gives the claim back whatever happens. */
  async function executeOnce(
    run: Run,
    planned: PlannedJob,
    sink: Sink,
    takeOver: boolean,
    options: RunOptions,
    timing: Timing,
  ): Promise<RunOutcome> {
    const claim = await ledger.claimRun(run.id, parts.self, { takeOver });
    const emit = eventEmitter(run.id, options.observers, clock);
    const watch = watchForCancel(claim, ledger, parts.pause, options.signal);
    try {
      await executeRun({
        run,
        claim,
        planned,
        ledger,
        sink,
        keeper: await parts.keeper(run.job.input),
        planSeconds: timing.planSeconds,
        clock,
        emit,
        signal: watch.signal,
        lane: options.lane ?? run.lane ?? usualLane,
        dispatcher: parts.dispatcher,
      });
      return await outcome(run, "published", timing);
    } catch (thrown) {
      const error = asNightshiftError(thrown);
      const status = error instanceof CancelledError ? "cancelled" : "failed";
      return { ...(await outcome(run, status, timing)), error };
    } finally {
      watch.close();
      // A claim that cannot be given back, on a full disk say, is taken from this process once it has ended.
      await ledger.releaseRun(claim).catch(() => undefined);
    }
  }

  async function outcome(run: Run | null, status: RunOutcome["status"], timing: Timing): Promise<RunOutcome> {
    const state = run === null ? null : await ledger.readRun(run.id);
    return {
      run,
      status,
      rows: state?.accepted.rows ?? noRows,
      reasons: state?.reasons ?? {},
      stats: state?.stats ?? noStats,
      provider: state?.provider ?? null,
      publication: state?.publication ?? null,
      seconds: (clock.monotonicMs() - timing.startedMs) / 1000,
      error: null,
      warning: null,
    };
  }

  async function standing({ job, kind }: Pick<RunRequest, "job" | "kind">, plan: Plan): Promise<Standing> {
    const key = { jobId: jobIdOf(job, kind), scope: scopeOf(job, plan.fingerprint) };
    return findStanding(key, ledger, await parts.sink(job.write));
  }

  function begin(): Timing {
    return { startedMs: clock.monotonicMs(), planSeconds: null };
  }

  function havingPlanned({ startedMs }: Timing): Timing {
    return { startedMs, planSeconds: (clock.monotonicMs() - startedMs) / 1000 };
  }

  async function retryNamed(
    runId: string,
    options: RunOptions & { readonly takeOver: boolean },
  ): Promise<RunOutcome> {
    const state = await ledger.readRun(runId);
    if (state === null)
      throw new SpecError("usage.unknown-run", `There is no run ${runId}.`, {
        hint: "See nightshift ls runs.",
      });
    return tellingEnd(state.run, options.observers, clock, () => retry(state, options));
  }

  return {
    plan,
    standing,
    run: (request, options) => tellingEnd(request, options.observers, clock, () => run(request, options)),
    record: (request, signal) => recordRun(request, { ...parts, plan }, signal),
    finish: (runId, options) => finishRun({ id: runId }, { ...parts, retry: retryNamed }, options),
    retry: retryNamed,
    cancel: (runId, options) => cancelRun(runId, parts, options),
    cancelJob: (jobName, options) => cancelJob(jobName, parts, options),
    runPlan(planned, request, options) {
      const { job } = planned.plan;
      return tellingEnd({ ...request, job }, options.observers, clock, () =>
        runPlanned(planned, { ...request, job, guess: false }, options, begin()),
      );
    },
  };
}

function eventEmitter(runId: string, observers: readonly Observer[], clock: Clock): Emit {
  return (body) => {
    const event = { runId, at: clock.now().toISOString(), ...body };
    tellAll(observers, (observer) => observer.on(event));
  };
}

/** Of a database nothing tells whether it still is what was published. */
function publishedOnce({ input, interval }: Job): string | null {
  if (input.kind !== "postgres" || interval !== null) return null;
  return "The database may have changed since. With `mode: replace`, every run publishes what is there by then.";
}

function wasJustPublished(thrown: unknown): boolean {
  const { code, details } = asNightshiftError(thrown);
  return code === "refused.run-ended" && details.status === "published";
}

function givenUp(run: Run): SpecError {
  return new SpecError("refused.run-dropped", `${run.id} was given up for good and cannot go on.`, {
    hint: "Start it anew with nightshift run or nightshift score.",
  });
}

function inputsMoved(run: Run): SpecError {
  return new SpecError(
    "refused.other-fingerprint",
    `The inputs of ${run.id} changed before its plan was saved.`,
    {
      hint: "Start it anew with nightshift run or nightshift score.",
    },
  );
}
