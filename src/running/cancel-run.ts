/**
 * Cancels a run: a live owner is asked to cancel it, and is waited for; a run without an owner is claimed and
 * cancelled here. Accepted partitions are kept, and `retry` resumes the run. Once publishing has begun, the
 * sink decides: an abort competes with the publication, and the loser adopts the winner. A pending retry
 * request is withdrawn.
 */

import { asNightshiftError, SpecError } from "../errors.js";
import type { WriteSpec } from "../job/output.js";
import {
  type Claim,
  hasEnded,
  isFinal,
  isResumable,
  type Owner,
  type Run,
  type RunState,
} from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Decision, Sink } from "../sinks/sink.js";
import type { Clock } from "../time/clock.js";
import type { Pause } from "./cancel-watch.js";

export interface CancelParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly self: Owner;
  readonly sink: (write: WriteSpec) => Promise<Sink>;
  readonly pause: Pause;
}

export interface CancelOptions {
  /** Claim a run of a process on another host; use only if that process is dead. */
  readonly takeOver: boolean;
  /** How long a live owner may take to stop; it stops between chunks. */
  readonly waitMs: number;
  /** Stops waiting. The request to the owner stays. */
  readonly signal: AbortSignal;
}

/**
 * `cancelled`: by this call. The others found the run ended: cancelled before, published (maybe just now, if
 * the publication won), failed, or dropped. `not-stopped`: the owner was asked, and has not stopped yet.
 */
export type CancelStatus =
  | "cancelled"
  | "already-cancelled"
  | "published"
  | "failed"
  | "dropped"
  | "not-stopped";

export interface CancelOutcome {
  readonly run: Run;
  readonly status: CancelStatus;
  /** Number of accepted partitions, which are kept. */
  readonly accepted: number;
  /** Whether `retry` can resume it: not after an abort has won over its publication. */
  readonly resumable: boolean;
  /** For a published run. */
  readonly publication: number | null;
  /** The owner that was asked to stop, and has not. */
  readonly owner: Owner | null;
}

const firstPauseMs = 100;
const longestPauseMs = 1_000;

/** @throws SpecError `usage.unknown-run`; what the ledger and the sink throw */
export async function cancelRun(
  runId: string,
  parts: CancelParts,
  options: CancelOptions,
): Promise<CancelOutcome> {
  const { clock, pause } = parts;
  const untilMs = clock.monotonicMs() + options.waitMs;
  let hasAsked = false;
  if ((await stateOf(runId, parts)).status !== "published") await parts.ledger.withdrawRetry(runId);
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    const state = await stateOf(runId, parts);
    if (hasEnded(state)) return outcomeOf(state, hasAsked, parts);
    const claim = await claimOrAsk(state, parts, options.takeOver);
    if (claim !== null) return cancelOwned(state.run, claim, parts);
    hasAsked = true;
    if (clock.monotonicMs() >= untilMs || options.signal.aborted)
      return { ...(await outcomeOf(state, true, parts)), status: "not-stopped" };
    await pause(pauseMs, options.signal);
  }
}

/** Cancels the unfinished runs of a job, newest first. Its running backfills start no further interval. */
export async function cancelJob(
  jobName: string,
  parts: CancelParts,
  options: CancelOptions,
): Promise<readonly CancelOutcome[]> {
  const { ledger } = parts;
  await ledger.requestBackfillStop(jobName);
  const unfinished: string[] = [];
  for await (const state of ledger.listRuns({ jobName })) if (!hasEnded(state)) unfinished.push(state.run.id);
  // The owners are waited for concurrently.
  return Promise.all(unfinished.map((runId) => cancelRun(runId, parts, options)));
}

async function stateOf(runId: string, { ledger }: CancelParts): Promise<RunState> {
  const state = await ledger.readRun(runId);
  if (state !== null) return state;
  throw new SpecError("usage.unknown-run", `There is no run ${runId}.`, { hint: "See nightshift ls runs." });
}

/** @returns the claim on a run without an owner; `null` if it has one, which was asked to cancel it */
async function claimOrAsk(
  { run, status }: RunState,
  { ledger, self, sink }: CancelParts,
  takeOver: boolean,
): Promise<Claim | null> {
  try {
    return await ledger.claimRun(run.id, self, { takeOver });
  } catch (thrown) {
    const { code } = asNightshiftError(thrown);
    // It has ended since; the next check shows how.
    if (code === "refused.run-ended") return null;
    if (code !== "refused.owner-alive") throw thrown;
    await ledger.requestCancel(run.id);
    // An owner that publishes cannot stop in the middle, but its publication may lose.
    if (status === "publishing") await (await sink(run.job.write)).abort(run);
    return null;
  }
}

async function cancelOwned(run: Run, claim: Claim, parts: CancelParts): Promise<CancelOutcome> {
  const { ledger, sink } = parts;
  try {
    const { status } = await stateOf(run.id, parts);
    const decision = await decisionOn(run, status, sink);
    if (decision?.outcome === "commit") await ledger.adoptPublication(claim, decision.publication);
    else await ledger.cancelRun(claim);
  } finally {
    // A claim that cannot be released ends with this process.
    await ledger.releaseRun(claim).catch(() => undefined);
  }
  return outcomeOf(await stateOf(run.id, parts), true, parts);
}

/**
 * A coordinator with another ledger may have published the run. If this ledger's owner is publishing it, an
 * abort competes.
 */
async function decisionOn(
  run: Run,
  status: RunState["status"],
  sink: CancelParts["sink"],
): Promise<Decision | null> {
  if (status === "publishing") return (await sink(run.job.write)).abort(run);
  // An unreachable output does not prevent the cancellation.
  return sink(run.job.write)
    .then((open) => open.lookup(run.id))
    .catch(() => null);
}

async function outcomeOf(state: RunState, byUs: boolean, { sink }: CancelParts): Promise<CancelOutcome> {
  const { run, status, accepted, publication, owner } = state;
  const isAborted = isResumable(state) && (await lookUp(run, sink)) === "abort";
  return {
    run,
    status: statusOf(status, byUs),
    accepted: accepted.partitions,
    resumable: !isAborted && !isFinal(state),
    publication,
    owner,
  };
}

/** Only determines whether `retry` is useful: an unreachable output does not undo the cancellation. */
async function lookUp(run: Run, sink: CancelParts["sink"]): Promise<"commit" | "abort" | null> {
  try {
    return (await (await sink(run.job.write)).lookup(run.id))?.outcome ?? null;
  } catch {
    return null;
  }
}

function statusOf(status: RunState["status"], byUs: boolean): CancelStatus {
  if (status === "cancelled") return byUs ? "cancelled" : "already-cancelled";
  if (status === "published" || status === "failed" || status === "dropped") return status;
  return "not-stopped";
}
