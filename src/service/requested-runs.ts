/**
 * Runs that clients requested of the service: new ones and retries. Both are recorded in the ledger before the client is
 * answered, and run when a slot is free. If a service dies, any other resumes its requested runs, and cancels those whose
 * cancellation was requested.
 */

import { createHash } from "node:crypto";
import {
  asNightshiftError,
  CancelledError,
  isRunCancelled,
  type NightshiftError,
  SpecError,
} from "../errors.js";
import {
  activeStatuses,
  isFinal,
  isResumable,
  type RequestMark,
  type Run,
  type RunState,
} from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Observer } from "../observers/observer.js";
import type { RunOutcome } from "../running/run-request.js";
import { canonicalJson } from "../text/canonical-json.js";
import type { IsInterrupted } from "./run-status.js";
import type { SharedSlots } from "./slots.js";

export type RequestedRunEvent =
  | { readonly type: "run.asked"; readonly job: string; readonly run: string; readonly again: boolean }
  | { readonly type: "run.elsewhere"; readonly job: string; readonly run: string }
  | {
      readonly type: "run.ended";
      readonly job: string;
      readonly run: string;
      readonly status: RunOutcome["status"];
      readonly error: NightshiftError | null;
    };

export interface RequestedRuns {
  /** Runs it once when a slot is free, unless the ledger then says that it was cancelled or has ended. */
  add(run: Run, again?: boolean): void;
  isHeld(runId: string): boolean;
  /** Resumes runs that were requested of services that are gone. Looks at the ledger once a minute at most. */
  recover(): Promise<void>;
  /** Number of runs that run or wait for a slot. */
  running(): number;
  /** Resolves when every run has ended. */
  drain(): Promise<void>;
  /** Stops what runs between chunks. */
  stop(): void;
}

export interface RequestedRunsParts {
  readonly ledger: Ledger;
  readonly slots: SharedSlots;
  readonly isInterrupted: IsInterrupted;
  /** Cancels a run that no process owns. */
  readonly cancel: (runId: string) => Promise<unknown>;
  readonly monotonicMs: () => number;
  readonly now: () => Date;
  readonly observersOf: (run: Run) => Promise<readonly Observer[]>;
  readonly tell: (event: RequestedRunEvent) => void;
}

const recoverEveryMs = 60_000;
/** A request that is older is left to `retry`. */
const recoverWithinMs = 7 * 24 * 3_600_000;

export function requestedRuns(parts: RequestedRunsParts): RequestedRuns {
  const { ledger, slots, tell } = parts;
  const held = new Map<string, Promise<void>>();
  const stopping = new AbortController();
  let recoverAtMs = Number.NEGATIVE_INFINITY;

  function add(run: Run, again = false): void {
    if (held.has(run.id)) return;
    tell({ type: "run.asked", job: run.jobName, run: run.id, again });
    const ended = runToItsEnd(run).finally(() => held.delete(run.id));
    held.set(run.id, ended);
  }

  async function runToItsEnd(run: Run): Promise<void> {
    const named = { job: run.jobName, run: run.id };
    try {
      const outcome = await slots.take(stopping.signal, async (slot) => {
        if (!(await isWanted(run.id))) return null;
        const options = { signal: stopping.signal, observers: await parts.observersOf(run) };
        return (await slot.runner()).finish(run.id, options);
      });
      if (outcome === null || outcome === "stopped") return;
      // The run was stopped with this process, and is resumed later.
      if (outcome.status === "cancelled" && !isRunCancelled(outcome.error)) return;
      tell({ type: "run.ended", ...named, status: outcome.status, error: outcome.error });
    } catch (thrown) {
      const error = asNightshiftError(thrown);
      if (error instanceof CancelledError) return;
      if (error.code === "refused.owner-alive") return tell({ type: "run.elsewhere", ...named });
      tell({ type: "run.ended", ...named, status: "failed", error });
      // The ledger may not have recorded the end. Without the request the run is not tried every minute.
      await ledger.withdrawRetry(run.id).catch(() => undefined);
    }
  }

  /** The run may have been cancelled, or executed by another process, while it waited. */
  async function isWanted(runId: string): Promise<boolean> {
    const state = await ledger.readRun(runId);
    if (state === null) return false;
    return isResumable(state) ? ledger.isRetryRequested(runId) : !isFinal(state);
  }

  async function recover(): Promise<void> {
    if (parts.monotonicMs() < recoverAtMs) return;
    recoverAtMs = parts.monotonicMs() + recoverEveryMs;
    const since = new Date(parts.now().getTime() - recoverWithinMs).toISOString();
    const left: Run[] = [];
    const unwanted: Run[] = [];
    for await (const state of ledger.listRuns({ trigger: "api", statuses: activeStatuses })) {
      const { run } = state;
      if (run.createdAt < since) break;
      if (held.has(run.id) || isOwned(state)) continue;
      if (await ledger.isCancelPending(run.id)) unwanted.push(run);
      else left.unshift(run);
    }
    for await (const state of ledger.listRetries()) if (!isOwned(state)) left.push(state.run);
    for (const run of left) add(run, true);
    for (const { id } of unwanted) await parts.cancel(id);
  }

  function isOwned(state: RunState): boolean {
    return state.owner !== null && !parts.isInterrupted(state);
  }

  return {
    add,
    isHeld: (runId) => held.has(runId),
    recover,
    running: () => held.size,
    drain: async () => void (await Promise.all(held.values())),
    stop: () => stopping.abort(),
  };
}

/** How long an idempotency key names the run that was first requested with it. */
const rememberedMs = 24 * 3_600_000;

/** Returns the idempotency key of a request, with a digest of the request. */
export function idempotencyKeyOf(key: string, job: string, request: object): RequestMark {
  return {
    key,
    digest: createHash("sha256")
      .update(canonicalJson([job, request]))
      .digest("hex"),
  };
}

/**
 * Returns the run that was requested with the same idempotency key.
 *
 * @throws SpecError `api.key-reused` if that was another request
 */
export async function findByIdempotencyKey(
  ledger: Ledger,
  jobName: string,
  key: RequestMark,
  now: Date,
): Promise<Run | null> {
  const since = new Date(now.getTime() - rememberedMs).toISOString();
  for await (const { run } of ledger.listRuns({ jobName, trigger: "api" })) {
    if (run.createdAt < since) return null;
    if (run.request?.key !== key.key) continue;
    if (run.request.digest === key.digest) return run;
    throw new SpecError("api.key-reused", `the Idempotency-Key was used for another request, run ${run.id}`, {
      hint: "Use a new key for a new request.",
    });
  }
  return null;
}
