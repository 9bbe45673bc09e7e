/** Runs, and retries of runs, with the observers of their job. The caller adds observers of its own and follows the run. */
import type { Job } from "../job/job.js";
import type { Lane } from "../job/lane.js";
import type { WriteSpec } from "../job/output.js";
import type { Run } from "../job/run.js";
import type { Observer } from "../observers/observer.js";
import type { PlannedJob, RunOptions, RunOutcome, RunRequest } from "../running/run-request.js";
import type { App, ServiceContext } from "./context.js";
import { type JobFor, type JobMoment, jobFor } from "./jobs.js";
import { dueOf } from "./notices.js";
import { type MetricsPush, type ObservedJob, withObservers } from "./observe.js";
import { runFor } from "./run-status.js";
import { inputWait, type WaitOptions } from "./wait.js";

export interface RunJobRequest extends JobMoment, MetricsPush {
  readonly trigger: "cli" | "library";
  /** Scores again what is published. */
  readonly reprocess: boolean;
  /** Drops an unfinished run of the same output or interval. */
  readonly restart: boolean;
  /** Claims a run of a process on another host; only if that process is dead. */
  readonly takeOver: boolean;
  /** Queue priority of its partitions; the run keeps it, also for a retry. */
  readonly lane?: Lane | undefined;
  readonly waitForMs?: number | undefined;
  readonly onWait: WaitOptions["onWait"];
}

/** A run that can start, with the observers of its job. */
export interface ReadyRun {
  readonly write: WriteSpec;
  readonly observers: readonly Observer[];
  /** Runs it to its end. @param app by default the context's own */
  start(options: RunOptions, app?: App): Promise<RunOutcome>;
}

/**
 * Runs a job: creates a run, or resumes an unfinished one.
 *
 * @param given name or spec file of a job, or a job
 * @param follow starts the run, and may wait for it; the observers are closed when it ends
 * @throws InvalidSpecError with every mistake at once; SpecError `spec.not-found`, `usage.*`
 */
export async function runJob<T>(
  context: ServiceContext,
  given: string | Job,
  request: RunJobRequest,
  follow: (run: ReadyRun) => Promise<T>,
): Promise<T> {
  const found = typeof given === "string" ? await jobFor(context, given, request) : ofLibrary(given);
  const { job, specPath, notify, rule, upstreams } = found;
  const { trigger, reprocess, restart, takeOver, lane, waitForMs, onWait } = request;
  const own = await context.app();
  await own.runner();
  const asked: RunRequest = {
    job,
    kind: "spec",
    specPath,
    trigger,
    guess: false,
    reprocess,
    restart,
    takeOver,
    ...(lane === undefined ? {} : { lane }),
  };
  const wait = inputWait(context, { waitForMs, upstreams, onWait });
  const due = reprocess ? null : dueOf(job, rule, notify, context.clock.now());
  return withObservers(context, request, { name: job.name, notify, due }, (observers) =>
    follow({
      write: job.write,
      observers,
      start: async (options, app = own) => wait.run(await app.runner(), asked, options),
    }),
  );
}

function ofLibrary(
  job: Job,
): Pick<JobFor, "job" | "notify" | "rule" | "upstreams"> & { readonly specPath: string | null } {
  return { job, specPath: null, notify: null, rule: null, upstreams: [] };
}

/** Runs a plan that was made earlier. */
export async function runPlan<T>(
  context: ServiceContext,
  planned: PlannedJob,
  { trigger, reprocess, restart, takeOver, lane, ...push }: Omit<RunJobRequest, "onWait">,
  follow: (run: ReadyRun) => Promise<T>,
): Promise<T> {
  const own = await context.app();
  await own.runner();
  const usual = { kind: "spec", specPath: null, trigger, reprocess, restart, takeOver } as const;
  const asked = lane === undefined ? usual : { ...usual, lane };
  const { job } = planned.plan;
  return withObservers(context, push, job, (observers) =>
    follow({
      write: job.write,
      observers,
      start: async (options, app = own) => (await app.runner()).runPlan(planned, asked, options),
    }),
  );
}

/**
 * Does what is unfinished of a run, by its stored plan.
 *
 * @param given id of the run or the beginning of it; by default the last run
 * @throws SpecError `usage.no-runs`, `usage.unknown-run`, `usage.ambiguous-run`
 */
export async function retryRun<T>(
  context: ServiceContext,
  given: string | undefined,
  { takeOver, ...push }: MetricsPush & { readonly takeOver: boolean },
  follow: (run: ReadyRun) => Promise<T>,
): Promise<T> {
  const own = await context.app();
  const { run } = await runFor(await own.ledger(), given);
  await own.runner();
  return withObservers(context, push, await observedRun(context, run), (observers) =>
    follow({
      write: run.job.write,
      observers,
      start: async (options, app = own) => (await app.runner()).retry(run.id, { ...options, takeOver }),
    }),
  );
}

/** Returns the receivers of its notices as the spec names them now. A spec that is gone or broken does not prevent the retry. */
async function observedRun(
  context: ServiceContext,
  { jobName: name, specPath, interval, job: asRun }: Run,
): Promise<ObservedJob> {
  if (specPath === null) return { name };
  const at = {
    ...(interval === null ? {} : { at: interval.start }),
    ...(asRun.vars === undefined ? {} : { var: asRun.vars }),
  };
  const quiet = { ...context, note: () => undefined };
  const now = await jobFor(quiet, specPath, at).catch(() => null);
  if (now === null) return { name };
  const { job, rule, notify } = now;
  return { name, notify, due: dueOf(job, rule, notify, context.clock.now()) };
}
