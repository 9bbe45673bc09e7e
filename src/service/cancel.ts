/** Cancels runs: by name for users, before a tick that preempts them, with their ticks. */
import { isOpen, type Run, type RunState } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { ScheduleStore } from "../ledgers/schedule-store.js";
import type { CancelOptions, CancelOutcome } from "../running/cancel-run.js";
import { latestCompleteInterval } from "../time/interval.js";
import type { App, ServiceContext } from "./context.js";
import { jobsHere } from "./jobs.js";
import { type IsInterrupted, runFor } from "./run-status.js";
import type { ServedSpec } from "./spec-folder.js";

/** Only the latest runs of a job are examined. */
const mostRuns = 100;
/** Runs stop between chunks. A run that takes longer continues beside the tick. */
const waitMs = 60_000;

export interface PreemptOptions {
  readonly isInterrupted: IsInterrupted;
  readonly signal: AbortSignal;
}

/**
 * Cancels the runs of a job that are running and were created before that instant, in whatever process. Runs of a backfill
 * and runs that are being published continue.
 */
export async function preempt(
  app: App,
  jobName: string,
  before: Date,
  { isInterrupted, signal }: PreemptOptions,
): Promise<void> {
  const ledger = await app.ledger();
  const runner = await app.runner();
  const earlier: string[] = [];
  let seen = 0;
  for await (const state of ledger.listRuns({ jobName })) {
    if (isRunning(state, isInterrupted) && new Date(state.run.createdAt) < before) earlier.push(state.run.id);
    if (++seen === mostRuns) break;
  }
  await Promise.all(earlier.map((id) => runner.cancel(id, { takeOver: false, waitMs, signal })));
}

function isRunning(state: RunState, isInterrupted: IsInterrupted): boolean {
  const { run, owner } = state;
  return run.trigger !== "backfill" && isOpen(state) && owner !== null && !isInterrupted(state);
}

/**
 * Ends the ticks of a cancelled run. Call it before the caller of the cancellation is answered: if the service died before
 * its scheduler ended them, the next service would resume the run.
 *
 * @param served spec of the run's job; `null` if it is gone, and no service takes up its ticks
 */
export async function endTicksOf(
  run: Run,
  served: Pick<ServedSpec, "rule"> | null,
  book: ScheduleStore,
  now: Date,
): Promise<void> {
  if (served === null) return;
  for (const { at } of await book.open(run.jobName))
    if (isTickOf(run, served, at))
      await book.end(run.jobName, at, {
        status: "cancelled",
        runId: run.id,
        error: null,
        at: now.toISOString(),
      });
}

/** A job without intervals: a run with another trigger may have read another input. */
function isTickOf(run: Run, { rule }: Pick<ServedSpec, "rule">, at: string): boolean {
  if (rule === null) return run.interval === null && run.trigger === "schedule";
  return run.interval !== null && latestCompleteInterval(new Date(at), rule)?.start === run.interval.start;
}

export interface Cancelled {
  /** The job whose runs were cancelled; `null`: one run was named. */
  readonly job: string | null;
  readonly outcomes: readonly CancelOutcome[];
}

/**
 * Cancels one run, or all unfinished runs of a job; then the job's backfills start no further intervals.
 *
 * @param given id of a run, the beginning of one, or the name of a job
 * @throws SpecError `usage.no-runs`, `usage.unknown-run`, `usage.ambiguous-run`
 */
export async function cancel(
  context: Pick<ServiceContext, "cwd" | "app">,
  given: string,
  options: CancelOptions,
): Promise<Cancelled> {
  const app = await context.app();
  const ledger = await app.ledger();
  const runner = await app.runner();
  const job = await jobNamed(context, ledger, given);
  if (job !== null) return { job, outcomes: await runner.cancelJob(job, options) };
  const { run } = await runFor(ledger, given);
  return { job, outcomes: [await runner.cancel(run.id, options)] };
}

/** A job's runs begin with its name: an exact name is the job's, unless a run has just that id. */
async function jobNamed(
  context: Pick<ServiceContext, "cwd">,
  ledger: Ledger,
  given: string,
): Promise<string | null> {
  const isRunId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(given) && (await ledger.readRun(given)) !== null;
  if (isRunId) return null;
  for await (const { run } of ledger.listRuns({ jobName: given })) return run.jobName;
  return (await jobsHere(context)).some(({ name }) => name === given) ? given : null;
}
