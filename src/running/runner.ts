/**
 * The coordinator's front door: plans a request, decides which run it means, and has that run executed. It opens no
 * data and no model; the worker host does.
 */

import { asNightshiftError, SpecError } from "../errors.js";
import { isLive, type Job, targetOf, type WriteSpec } from "../job/job.js";
import type { Plan } from "../job/plan.js";
import type { Run, RunState } from "../job/run.js";
import type { Sink } from "../sinks/sink.js";
import { type CancelOptions, type CancelOutcome, cancelJob, cancelRun } from "./cancel-run.js";
import { chooseRun, findStanding, runNamed, type Standing, unfinishedWarning } from "./choose-run.js";
import { type PlanningParts, planInHost } from "./plan-in-host.js";
import { finishRun, type RecordedRun, recordRun } from "./record-run.js";
import { tellingEnd } from "./run-end.js";
import { jobIdOf, newRun, scopeOf } from "./run-identity.js";
import type { PlannedJob, PlanRequest, RunOptions, RunOutcome, RunRequest } from "./run-request.js";
import {
  type ExecutionParts,
  eventEmitter,
  inputsMoved,
  type PreparedRun,
  runsToEnd,
  type Timing,
} from "./run-to-end.js";
import { justStarted, supersede } from "./supersede-run.js";

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
export interface RunnerParts extends PlanningParts, Omit<ExecutionParts, "plan" | "proveSlices"> {
  readonly sink: (write: WriteSpec) => Promise<Sink>;
}

export function createRunner(parts: RunnerParts): Runner {
  const { ledger, clock } = parts;

  const plan = (request: PlanRequest, signal: AbortSignal): Promise<PlannedJob> =>
    planInHost(request, parts, signal);
  const { execute, adopt, outcome } = runsToEnd({
    ...parts,
    plan,
    proveSlices: (call, asked) => parts.planningHost().call("prove", call, asked),
  });

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
    const prepared = { planned, sink, takeOver: request.takeOver, options, timing };
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
      case "resume": {
        const run = await upToDate(choice.run, prepared);
        const ended = await unlessPublished(execute({ ...prepared, run }));
        if (ended.status !== "already-published") return ended;
        // What another ledger's coordinator published is on record now: only then can it be seen what is left to do.
        const after = await runPlanned(planned, request, options, timing);
        return { ...after, warning: after.warning ?? ended.warning };
      }
      case "create": {
        const run = newRun(request, { jobId, scope, generation: choice.generation }, clock.now());
        await sink.check(run, planned.plan.mapping.columns);
        if ((await ledger.createRun(run)) === "exists") throw justStarted(run);
        return unlessPublished(execute({ ...prepared, run }));
      }
    }
  }

  /**
   * Returns the unfinished run, or its next generation if the sink refuses the run because a newer one was published: the user
   * asks for the present input, and an older run never replaces a newer one.
   */
  async function upToDate(
    run: Run,
    { planned, sink, takeOver, options }: Omit<PreparedRun, "run">,
  ): Promise<Run> {
    if (run.interval !== null) return run;
    try {
      await sink.check(run, planned.plan.mapping.columns);
      return run;
    } catch (thrown) {
      const { code, message } = asNightshiftError(thrown);
      // What else is refused is said when the run is executed.
      if (code !== "refused.newer-publication") return run;
      const next = await supersede(run, parts, sink, takeOver);
      const emit = eventEmitter(run.id, options.observers, clock);
      emit({ type: "run.superseded", by: next.run.id, reason: message, partitions: next.dropped });
      return next.run;
    }
  }

  async function retry(
    state: RunState,
    options: RunOptions & { readonly takeOver: boolean },
  ): Promise<RunOutcome> {
    const timing = begin();
    const { run } = state;
    const sink = await parts.sink(run.job.write);
    if (state.status === "published") {
      const later = await findStanding(run.key, ledger, sink).catch(() => null);
      const warning = later?.unfinished == null ? null : unfinishedWarning(later.unfinished);
      return { ...(await outcome(run, "already-published", timing)), warning };
    }
    if (state.status === "dropped" || (await sink.lookup(run.id))?.outcome === "abort") throw givenUp(run);
    const adopted = await adopt({ run, sink, options, takeOver: options.takeOver, timing });
    if (adopted !== null) return adopted;
    const stored = await ledger.readPlan(run.id);
    const planned = stored === null ? await plan(run, options.signal) : { plan: stored, partitions: [] };
    if (scopeOf(run.job, planned.plan.fingerprint) !== run.key.scope) throw inputsMoved(run);
    return execute({
      ...{ run, planned, sink, options, takeOver: options.takeOver },
      timing: stored === null ? havingPlanned(timing) : timing,
    });
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
