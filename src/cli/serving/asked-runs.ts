/**
 * Runs that somebody asked the service for: new ones, and those to be gone on with. Both are recorded in the ledger before
 * they are answered for, and run when there is room. What a service that died left of them is gone on with by the next
 * look of any other; what it was asked to cancel, and did not come to, is cancelled.
 */
import { asNightshiftError, CancelledError, isRunCancelled, type NightshiftError } from "../../errors.js";
import { activeStatuses, isFinal, isResumable, type Run, type RunState } from "../../job/run.js";
import type { Ledger } from "../../ledgers/ledger.js";
import type { Observer } from "../../observers/observer.js";
import type { RunOutcome } from "../../running/run-request.js";
import type { IsInterrupted } from "../lookup/owners.js";
import type { Turns } from "./turns.js";

export type AskedEvent =
  | { readonly type: "run.asked"; readonly job: string; readonly run: string; readonly again: boolean }
  | { readonly type: "run.elsewhere"; readonly job: string; readonly run: string }
  | {
      readonly type: "run.ended";
      readonly job: string;
      readonly run: string;
      readonly status: RunOutcome["status"];
      readonly error: NightshiftError | null;
    };

export interface AskedRuns {
  /** Runs it when there is room, if the ledger then still says that it is wanted; once, however often it is asked. */
  ask(run: Run, again?: boolean): void;
  isHeld(runId: string): boolean;
  /** Takes up what was asked of services that are gone. Looks once a minute, however often it is called. */
  recover(): Promise<void>;
  /** Those that run or wait. */
  underWay(): number;
  /** Resolves when what runs has ended. */
  drain(): Promise<void>;
  /** Stops what runs between chunks. */
  stop(): void;
}

export interface AskedRunsParts {
  readonly ledger: Ledger;
  readonly turns: Turns;
  readonly isInterrupted: IsInterrupted;
  /** Of a run that nobody owns. */
  readonly cancel: (runId: string) => Promise<unknown>;
  readonly monotonicMs: () => number;
  readonly now: () => Date;
  readonly observersOf: (run: Run) => Promise<readonly Observer[]>;
  readonly tell: (event: AskedEvent) => void;
}

const recoverEveryMs = 60_000;
/** What nobody came to within this time is left to `retry`. */
const recoverWithinMs = 7 * 24 * 3_600_000;

export function askedRuns(parts: AskedRunsParts): AskedRuns {
  const { ledger, turns, tell } = parts;
  const held = new Map<string, Promise<void>>();
  const stopping = new AbortController();
  let recoverAtMs = Number.NEGATIVE_INFINITY;

  function ask(run: Run, again = false): void {
    if (held.has(run.id)) return;
    tell({ type: "run.asked", job: run.jobName, run: run.id, again });
    const ended = runToItsEnd(run).finally(() => held.delete(run.id));
    held.set(run.id, ended);
  }

  async function runToItsEnd(run: Run): Promise<void> {
    const named = { job: run.jobName, run: run.id };
    try {
      const outcome = await turns.take(stopping.signal, async (track) => {
        if (!(await isStillWanted(run.id))) return null;
        const options = { signal: stopping.signal, observers: await parts.observersOf(run) };
        return (await track.runner()).finish(run.id, options);
      });
      if (outcome === null || outcome === "stopped") return;
      // What this process was stopped in goes on later.
      if (outcome.status === "cancelled" && !isRunCancelled(outcome.error)) return;
      tell({ type: "run.ended", ...named, status: outcome.status, error: outcome.error });
    } catch (thrown) {
      const error = asNightshiftError(thrown);
      if (error instanceof CancelledError) return;
      if (error.code === "refused.owner-alive") return tell({ type: "run.elsewhere", ...named });
      tell({ type: "run.ended", ...named, status: "failed", error });
      // It may not have come to an end in the ledger: tried once, it is not tried every minute.
      await ledger.withdrawRetry(run.id).catch(() => undefined);
    }
  }

  /** It may have been cancelled while it waited, or done by somebody else. */
  async function isStillWanted(runId: string): Promise<boolean> {
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
    for (const run of left) ask(run, true);
    for (const { id } of unwanted) await parts.cancel(id);
  }

  function isOwned(state: RunState): boolean {
    return state.owner !== null && !parts.isInterrupted(state);
  }

  return {
    ask,
    isHeld: (runId) => held.has(runId),
    recover,
    underWay: () => held.size,
    drain: async () => void (await Promise.all(held.values())),
    stop: () => stopping.abort(),
  };
}
