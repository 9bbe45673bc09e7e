/**
 * The coordinator's entry point: plans a request, decides which run it leads to, and executes that run. It
 * does not open data or models; the worker host does.
 */

import { asNightshiftError, SpecError } from "../errors.js";
import { inputKind } from "../job/input.js";
import { isLive, type Job } from "../job/job.js";
import { targetOf, type WriteSpec } from "../job/output.js";
import type { Plan } from "../job/plan.js";
import type { Run, RunState } from "../job/run.js";
import { startAgain } from "../job/way-on.js";
import type { Sink } from "../sinks/sink.js";
import { type CancelOptions, type CancelOutcome, cancelJob, cancelRun } from "./cancel-run.js";
import { chooseRun, findStanding, runNamed, type Standing, unfinishedWarning } from "./choose-run.js";
import { type PlanningParts, planInHost } from "./plan-in-host.js";
import { finishRun, type RecordedRun, recordRun } from "./record-run.js";
import { endReporter } from "./run-end.js";
import { jobIdOf, newRun, scopeOf } from "./run-identity.js";
import type { PlannedJob, PlanRequest, RunOptions, RunOutcome, RunRequest } from "./run-request.js";
import {
  adoptElsewhere,
  type Chosen,
  type CoordinatorParts,
  eventEmitter,
  inputsMoved,
  type RunTask,
  readOutcome,
  runToEnd,
  type Timing,
} from "./run-to-end.js";
import { justStarted, supersede } from "./supersede-run.js";

export interface Runner {
  /**
   * Plans without running anything. Reads only footers and the model; with `tryLoad`, also loads the model as
   * a thread would.
   */
  plan(request: PlanRequest, signal: AbortSignal): Promise<PlannedJob>;
  /** Returns the state that `run` would find. */
  standing(request: Pick<RunRequest, "job" | "kind">, plan: Plan): Promise<Standing>;
  /** Plans, then creates or resumes the run, and publishes it. */
  run(request: RunRequest, options: RunOptions): Promise<RunOutcome>;
  /** Runs a plan made earlier. */
  runPlan(
    planned: PlannedJob,
    request: Omit<RunRequest, "job" | "guess">,
    options: RunOptions,
  ): Promise<RunOutcome>;
  /** Records the run that a request means, for {@link Runner.finish}, which another process may call. */
  record(request: RunRequest, signal: AbortSignal): Promise<RecordedRun>;
  /** Like `retry`, for a run that no caller waits for: an error that prevents planning fails it. */
  finish(runId: string, options: RunOptions): Promise<RunOutcome>;
  /** Executes only the unfinished partitions, with the stored plan. */
  retry(runId: string, options: RunOptions & { readonly takeOver: boolean }): Promise<RunOutcome>;
  /** Cancels a run, whichever process owns it. */
  cancel(runId: string, options: CancelOptions): Promise<CancelOutcome>;
  /** Cancels the unfinished runs of a job, and stops its backfills. */
  cancelJob(jobName: string, options: CancelOptions): Promise<readonly CancelOutcome[]>;
}

/** Parts of the runner; all implementations are behind contracts. */
export interface RunnerParts extends PlanningParts, Omit<CoordinatorParts, "plan" | "proveSlices"> {
  readonly sink: (write: WriteSpec) => Promise<Sink>;
}

type Prepared = Omit<RunTask, "choose" | "choosesAgain">;

export function createRunner(parts: RunnerParts): Runner {
  const { ledger, clock } = parts;
  const plan = (request: PlanRequest, signal: AbortSignal): Promise<PlannedJob> =>
    planInHost(request, parts, signal);
  const coordinator: CoordinatorParts = {
    ...parts,
    plan,
    proveSlices: (call, options) => parts.planningHost().call("prove", call, options),
  };

  async function run(
    request: RunRequest,
    options: RunOptions,
    given: PlannedJob | null = null,
  ): Promise<RunOutcome> {
    const { job, takeOver } = request;
    const end = endReporter(request, options.observers, clock);
    const begun = begin();
    try {
      const planned = given ?? (await planUnlessEmpty(request, options.signal));
      if (planned === null) return end.returned(await readOutcome(null, "skipped", begun, parts));
      const timing = given === null ? havingPlanned(begun) : begun;
      const sink = await parts.sink(job.write);
      const prepared = { planned, sink, takeOver, options, timing };
      const choose = (): Promise<Chosen> => findOrCreate(request, prepared);
      return end.returned(await runToEnd({ ...prepared, choose, choosesAgain: true }, coordinator));
    } catch (thrown) {
      throw end.threw(thrown);
    }
  }

  /** Returns `null` if there is nothing to score and the job skips empty inputs. */
  async function planUnlessEmpty(request: RunRequest, signal: AbortSignal): Promise<PlannedJob | null> {
    const maySkip = request.job.input.onEmpty === "skip";
    try {
      const planned = await plan(request, signal);
      return maySkip && planned.plan.totals.rows === 0 ? null : planned;
    } catch (error) {
      if (maySkip && asNightshiftError(error).code === "source.not-found") return null;
      throw error;
    }
  }

  /** The step "choose": finds the run that a request means, or creates it. */
  async function findOrCreate(request: RunRequest, prepared: Prepared): Promise<Chosen> {
    const { job } = request;
    const { planned, sink, timing } = prepared;
    const { fingerprint } = planned.plan;
    const jobId = jobIdOf(job, request.kind);
    const scope = scopeOf(job, fingerprint);
    const choice = await chooseRun(
      { ...request, jobId, scope, fingerprint, isLive: isLive(job) },
      parts,
      sink,
    );
    switch (choice.type) {
      case "already-published": {
        const { publication, runId } = choice.publication;
        const warning = choice.warning ?? publishedOnce(job);
        const known = await runNamed(ledger, runId);
        const emit = eventEmitter(runId, prepared.options.observers, clock);
        emit({ type: "run.already-published", publication, target: targetOf(job.write), warning });
        const outcome = await readOutcome(known, "already-published", timing, parts);
        return { run: null, outcome: { ...outcome, warning, publication } };
      }
      case "resume":
        return { run: await upToDate(choice.run, prepared), isResumed: true };
      case "create": {
        const created = newRun(request, { jobId, scope, generation: choice.generation }, clock.now());
        await sink.check(created, planned.plan.mapping.columns);
        if ((await ledger.createRun(created)) === "exists") throw justStarted(created);
        return { run: created, isResumed: false };
      }
    }
  }

  /**
   * Returns the unfinished run, or its next generation if the sink refuses the run because a newer one was published: the user
   * asks for the present input, and an older run never replaces a newer one.
   */
  async function upToDate(run: Run, { planned, sink, takeOver, options }: Prepared): Promise<Run> {
    if (run.interval !== null) return run;
    try {
      await sink.check(run, planned.plan.mapping.columns);
      return run;
    } catch (thrown) {
      const { code, message } = asNightshiftError(thrown);
      // Other refusals are reported when the run is executed.
      if (code !== "refused.newer-publication") return run;
      const next = await supersede(run, parts, sink, takeOver);
      const emit = eventEmitter(run.id, options.observers, clock);
      emit({ type: "run.superseded", by: next.run.id, reason: message, partitions: next.dropped });
      return next.run;
    }
  }

  async function retry(
    runId: string,
    options: RunOptions & { readonly takeOver: boolean },
  ): Promise<RunOutcome> {
    const state = await ledger.readRun(runId);
    if (state === null)
      throw new SpecError("usage.unknown-run", `There is no run ${runId}.`, {
        hint: "See nightshift ls runs.",
      });
    const end = endReporter(state.run, options.observers, clock);
    try {
      return end.returned(await retryFrom(state, options));
    } catch (thrown) {
      throw end.threw(thrown);
    }
  }

  async function retryFrom(
    state: RunState,
    options: RunOptions & { readonly takeOver: boolean },
  ): Promise<RunOutcome> {
    const { run } = state;
    const { takeOver } = options;
    const begun = begin();
    const sink = await parts.sink(run.job.write);
    if (state.status === "published") {
      const later = await findStanding(run.key, ledger, sink).catch(() => null);
      const warning = later?.unfinished == null ? null : unfinishedWarning(later.unfinished);
      return { ...(await readOutcome(run, "already-published", begun, parts)), warning };
    }
    if (state.status === "dropped" || (await sink.lookup(run.id))?.outcome === "abort") throw givenUp(run);
    const adopted = await adoptElsewhere({ run, sink, takeOver, options, timing: begun }, parts);
    if (adopted !== null) return adopted;
    const stored = await ledger.readPlan(run.id);
    const planned = stored === null ? await plan(run, options.signal) : { plan: stored, partitions: [] };
    if (scopeOf(run.job, planned.plan.fingerprint) !== run.key.scope) throw inputsMoved(run);
    const timing = stored === null ? havingPlanned(begun) : begun;
    const choose = async (): Promise<Chosen> => ({ run, isResumed: true });
    return runToEnd({ choose, choosesAgain: false, planned, sink, takeOver, options, timing }, coordinator);
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

  return {
    plan,
    standing,
    run,
    runPlan: (planned, request, options) =>
      run({ ...request, job: planned.plan.job, guess: false }, options, planned),
    record: (request, signal) => recordRun(request, { ...parts, plan }, signal),
    finish: (runId, options) => finishRun({ id: runId }, { ...parts, retry }, options),
    retry,
    cancel: (runId, options) => cancelRun(runId, parts, options),
    cancelJob: (jobName, options) => cancelJob(jobName, parts, options),
  };
}

/** Unless a plan pins the input, it is unknown whether the input still is what was published. */
function publishedOnce({ input, interval }: Job): string | null {
  if (inputKind(input).pinsFiles || interval !== null) return null;
  return "The input may have changed since. With `mode: replace`, every run publishes what is there by then.";
}

function givenUp(run: Run): SpecError {
  return new SpecError("refused.run-dropped", `${run.id} was dropped and cannot be resumed.`, {
    hint: startAgain(run.id),
  });
}
