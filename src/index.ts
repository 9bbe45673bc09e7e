/**
 * Nightshift as a library.
 *
 * ```ts
 * const run = runJob(defineJob({ version: 1, name: "scores", model: "model.onnx", ... }), { signal });
 * for await (const event of run) console.log(event.type);
 * const { status, rows } = await run.outcome;
 * ```
 */
import { resolve } from "node:path";
import { createApp } from "./app.js";
import { type Settings, settingsFromProcess } from "./config.js";
import type { Job } from "./job/job.js";
import type { RunEvent } from "./job/run-events.js";
import { ongoing } from "./library/ongoing.js";
import { openTraces } from "./observers/traces/open-traces.js";
import type { CancelOutcome } from "./running/cancel-run.js";
import type { RunOutcome, RunRequest } from "./running/run-request.js";
import { defineJob as resolveJob } from "./spec/define-job.js";
import type { JobSpecInput } from "./spec/schema.js";
import { systemClock } from "./wiring/system-clock.js";

export type { ErrorKind, ErrorRecord } from "./errors.js";
export { exitCodeOf, NightshiftError } from "./errors.js";
export type {
  HookChunk,
  HookContext,
  HookValues,
  HookValueType,
  PostChunk,
  PostHook,
  PreHook,
} from "./hooks/hook.js";
export type { Job } from "./job/job.js";
export type { RowCounts } from "./job/partition.js";
export type { RunEvent } from "./job/run-events.js";
export type { Lists, Nightshift, OngoingRun } from "./library/nightshift.js";
export type { Ongoing } from "./library/ongoing.js";
export { openNightshift } from "./library/open.js";
export type {
  BackfillEvent,
  BackfillOptions,
  BackfillOutcome,
  CancelOptions,
  JobName,
  MomentOptions,
  OpenOptions,
  PreviewOptions,
  RetryOptions,
  RunOptions,
  ServeOptions,
  WorkerOptions,
} from "./library/options.js";
export type { CancelOutcome, CancelStatus } from "./running/cancel-run.js";
export type { RunOutcome } from "./running/run-request.js";
export type { Note } from "./service/context.js";
export type { ServiceEvent } from "./service/serve.js";
export type { JobSpecInput } from "./spec/schema.js";
export type { WorkerEvent } from "./worker/queue-worker.js";

export interface DefineJobOptions {
  /** Directory that relative paths in the job start from; by default the current one. */
  readonly cwd?: string;
  /** A date or an instant in the interval wanted; by default the latest complete one. As `--at`. */
  readonly at?: string;
  /** Values of `{{ var.name }}`. As `--var`. */
  readonly vars?: { readonly [name: string]: string | number | boolean };
}

/**
 * A job in TypeScript: the language of the YAML spec, through the same checks. Nothing is read or run.
 *
 * @throws NightshiftError `spec.invalid` with every mistake by its path; `usage.*`
 */
export function defineJob(spec: JobSpecInput, options: DefineJobOptions = {}): Job {
  const { environment, outputRoot } = settingsFromProcess();
  const { cwd = process.cwd(), at, vars = {} } = options;
  const place = { cwd: resolve(cwd), now: systemClock.now(), environment, outputRoot };
  return resolveJob(spec, { ...place, vars, ...(at === undefined ? {} : { at }) });
}

export interface RunJobOptions {
  /** Stops between chunks; what was accepted by then is kept, and the next `runJob` of the same job goes on from there. */
  readonly signal?: AbortSignal;
  /** Where progress is kept; as `--state`. */
  readonly stateDir?: string;
  /** URL of a database that keeps it instead; as `--ledger`. */
  readonly ledger?: string;
  readonly reprocess?: boolean;
  readonly restart?: boolean;
}

/** A running run: iterate it for its events, await `outcome` for its end. */
export interface JobRun extends AsyncIterable<RunEvent> {
  /** Resolves for runs that were published, skipped, failed or cancelled; rejects where no run could be started. */
  readonly outcome: Promise<RunOutcome>;
}

/** Runs a job to its publication, resuming an unfinished run of the same job and interval. */
export function runJob(job: Job, options: RunJobOptions = {}): JobRun {
  return ongoing((emit) => execute(job, options, emit));
}

export interface CancelRunOptions {
  /** Where progress is kept; as `--state`. */
  readonly stateDir?: string;
  /** URL of a database that keeps it instead; as `--ledger`. */
  readonly ledger?: string;
  /** Claim a run of a process on another host; use only if that process is dead. As `--take-over`. */
  readonly takeOver?: boolean;
  /** How long an owner that is alive may take to stop, in milliseconds; by default a minute. */
  readonly waitMs?: number;
  /** Stops waiting; what the owner was asked for stands. */
  readonly signal?: AbortSignal;
}

/**
 * Cancels a run, regardless of the process and machine that own it. Running attempts stop between chunks; accepted
 * partitions are kept, and the next `runJob` of the job resumes with them. A run that has ended is left as it is, and its
 * `status` says how it ended: `published` also where the publication was faster.
 *
 * @throws NightshiftError `usage.unknown-run`; and what the ledger or the output is not reached for
 */
export async function cancelRun(runId: string, options: CancelRunOptions = {}): Promise<CancelOutcome> {
  const { takeOver = false, waitMs = 60_000, signal = new AbortController().signal } = options;
  const app = createApp(settingsOf(options));
  try {
    return await (await app.runner()).cancel(runId, { takeOver, waitMs, signal });
  } finally {
    await app.close();
  }
}

function settingsOf({ stateDir, ledger }: Pick<RunJobOptions, "stateDir" | "ledger">): Settings {
  return settingsFromProcess({
    ...(stateDir === undefined ? {} : { stateDir }),
    ...(ledger === undefined ? {} : { ledger }),
  });
}

async function execute(
  job: Job,
  options: RunJobOptions,
  emit: (event: RunEvent) => void,
): Promise<RunOutcome> {
  const { signal = new AbortController().signal, reprocess = false, restart = false } = options;
  const app = createApp(settingsOf(options));
  const traces = await openTraces();
  const request: RunRequest = {
    job,
    kind: "spec",
    specPath: null,
    trigger: "library",
    guess: false,
    reprocess,
    restart,
    takeOver: false,
  };
  try {
    const own = { on: emit };
    const observers = traces === null ? [own] : [own, traces];
    return await (await app.runner()).run(request, { signal, observers });
  } finally {
    await traces?.close?.();
    await app.close();
  }
}
