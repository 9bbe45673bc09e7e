/** Runs that clients of a service start: recorded durably, once for each idempotency key, and begun when a slot is free. */
import type { Interval } from "../job/job.js";
import type { Lane } from "../job/lane.js";
import { isResumable, type Run, type RunState } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { RunRequest } from "../running/run-request.js";
import type { App, ServiceContext } from "./context.js";
import { findByIdempotencyKey, idempotencyKeyOf, type RequestedRuns } from "./requested-runs.js";
import type { IsInterrupted } from "./run-status.js";
import { jobAt, type ServedSpec } from "./spec-folder.js";

export interface StartRequest {
  /** An instant in the interval; without it the latest complete one. */
  readonly at?: string | undefined;
  readonly vars?: { readonly [name: string]: string | number | boolean } | undefined;
  readonly lane?: Lane | undefined;
  readonly reprocess?: boolean | undefined;
}

export interface StartOptions {
  readonly idempotencyKey: string | null;
  /** Fires when the client is gone. */
  readonly signal: AbortSignal;
}

export interface Started {
  readonly run: string;
  readonly outcome: "recorded" | "resumed" | "running" | "already-published";
  readonly warnings?: string[];
}

export interface StartParts {
  readonly ledger: Ledger;
  readonly requested: RequestedRuns;
  /** Opens the app for plans that are made while a client waits; no run uses its host. */
  readonly planning: () => Promise<App>;
  readonly isInterrupted: IsInterrupted;
  /** @throws SpecError `usage.unknown-run` */
  readonly stateOf: (id: string) => Promise<RunState>;
}

export interface RunStarts {
  /** Durable when it resolves. */
  start(spec: ServedSpec, request: StartRequest, options: StartOptions): Promise<Started>;
  /** Resumes a run that has not ended and that no process executes. */
  retry(run: Run): Promise<Started>;
}

export async function runStarts(context: ServiceContext, parts: StartParts): Promise<RunStarts> {
  const { ledger, requested, planning, isInterrupted, stateOf } = parts;
  const { clock } = context;
  const { warningsOfInterval } = await import("../spec/choose-interval.js");
  /** Starts with the same key follow each other: the second finds the run of the first. */
  const starting = new Map<string, Promise<Started>>();

  async function start(spec: ServedSpec, request: StartRequest, options: StartOptions): Promise<Started> {
    const { idempotencyKey } = options;
    if (idempotencyKey === null) return startOnce(spec, request, options);
    const earlier = starting.get(idempotencyKey) ?? Promise.resolve();
    const started = earlier.catch(() => undefined).then(() => startOnce(spec, request, options));
    starting.set(idempotencyKey, started);
    try {
      return await started;
    } finally {
      if (starting.get(idempotencyKey) === started) starting.delete(idempotencyKey);
    }
  }

  async function startOnce(
    spec: ServedSpec,
    request: StartRequest,
    { idempotencyKey, signal }: StartOptions,
  ): Promise<Started> {
    const key = idempotencyKey === null ? null : idempotencyKeyOf(idempotencyKey, spec.name, request);
    const before = key === null ? null : await findByIdempotencyKey(ledger, spec.name, key, clock.now());
    if (before !== null) return { ...(await resume(await stateOf(before.id))), ...warned(before.interval) };
    const { at, vars, lane, reprocess = false } = request;
    const moment = { ...(at === undefined ? {} : { at }), ...(vars === undefined ? {} : { vars }) };
    const job = await jobAt(context, spec, { ...moment, givenBy: "client" });
    const warnings = warned(job.interval);
    const wanted: RunRequest = {
      job,
      kind: "spec",
      specPath: spec.path,
      trigger: "api",
      guess: false,
      reprocess,
      restart: false,
      takeOver: false,
      ...(key === null ? {} : { mark: key }),
      ...(lane === undefined ? {} : { lane }),
    };
    const recorded = await (await (await planning()).runner()).record(wanted, signal);
    if (recorded.is === "published")
      return { run: recorded.runId, outcome: "already-published", ...warnings };
    const state = await stateOf(recorded.runId);
    if (recorded.is === "unfinished") return { ...(await resume(state)), ...warnings };
    requested.add(state.run);
    return { run: recorded.runId, outcome: "recorded", ...warnings };
  }

  function warned(interval: Interval | null): Pick<Started, "warnings"> {
    const warnings = interval === null ? [] : warningsOfInterval(interval, clock.now());
    return warnings.length === 0 ? {} : { warnings: [...warnings] };
  }

  /** Resumes a run that exists, unless it is published or runs already. */
  async function resume(state: RunState): Promise<Started> {
    const { run, status, owner } = state;
    if (status === "published") return { run: run.id, outcome: "already-published" };
    const isOwned = owner !== null && !isInterrupted(state);
    // A run that waits here was recorded; but the ledger may say by now that it was cancelled.
    if (isOwned || (requested.isHeld(run.id) && !isResumable(state)))
      return { run: run.id, outcome: "running" };
    return retry(run);
  }

  async function retry(run: Run): Promise<Started> {
    await ledger.requestRetry(run.id);
    requested.add(run);
    return { run: run.id, outcome: "resumed" };
  }

  return { start, retry };
}
