/**
 * Executes runs until one of them has ended: the chosen one, the one chosen after another coordinator was
 * faster, and the next generation of a run whose snapshot was lost.
 */

import { asNightshiftError, SpecError } from "../errors.js";
import { usualLane } from "../job/lane.js";
import { noRows, noStats } from "../job/partition.js";
import type { Run } from "../job/run.js";
import { startAgain } from "../job/way-on.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Emit, Observer } from "../observers/observer.js";
import type { Sink } from "../sinks/sink.js";
import type { Clock } from "../time/clock.js";
import { adoptedWarning, adoptPublication, publishedElsewhere } from "./adopt-publication.js";
import { type Executed, type ExecutionParts, executeRun } from "./execute-run.js";
import { tellAll } from "./run-end.js";
import { scopeOf } from "./run-identity.js";
import type { PlannedJob, PlanRequest, RunOptions, RunOutcome } from "./run-request.js";
import { supersede } from "./supersede-run.js";

export interface CoordinatorParts extends ExecutionParts {
  readonly plan: (request: PlanRequest, signal: AbortSignal) => Promise<PlannedJob>;
}

/** When a request began, and how long planning took; `null` if the plan was stored earlier. */
export interface Timing {
  readonly startedMs: number;
  readonly planSeconds: number | null;
}

/** What a request leads to: a run to execute, or an outcome without one. */
export type Chosen =
  | { readonly run: Run; readonly isResumed: boolean }
  | { readonly run: null; readonly outcome: RunOutcome };

export interface RunTask {
  /** Called again if another coordinator published the chosen run meanwhile. */
  readonly choose: () => Promise<Chosen>;
  /** Whether to choose again, and not to refuse, in that case. */
  readonly choosesAgain: boolean;
  readonly planned: PlannedJob;
  readonly sink: Sink;
  readonly takeOver: boolean;
  readonly options: RunOptions;
  readonly timing: Timing;
}

/**
 * A run whose snapshot is lost repeatedly, for example because a server restarts every minute, fails after
 * this number of losses.
 */
const maxLosses = 3;

export async function runToEnd(task: RunTask, parts: CoordinatorParts): Promise<RunOutcome> {
  const { sink, takeOver, options, timing } = task;
  const { clock } = parts;
  let { planned } = task;
  let lossWarning: string | null = null;
  let adoption: string | null = null;
  let chosen = await task.choose();
  for (let losses = 0; chosen.run !== null; ) {
    const { run } = chosen;
    const emit = eventEmitter(run.id, options.observers, clock);
    const lane = options.lane ?? run.lane ?? usualLane;
    const execution = { run, planned, sink, takeOver, emit, lane, signal: options.signal };
    let ended: Executed;
    try {
      ended = await executeRun({ ...execution, planSeconds: timing.planSeconds }, parts);
    } catch (thrown) {
      if (!task.choosesAgain || !wasJustPublished(thrown)) throw thrown;
      chosen = await task.choose();
      continue;
    }
    if (ended.status === "adopted" && task.choosesAgain && chosen.isResumed) {
      // The ledger has recorded the publication: only now can the remaining work be determined.
      adoption = adoptedWarning(run);
      chosen = await task.choose();
      continue;
    }
    if (ended.status === "failed" && ended.error.code === "infra.snapshot-lost" && losses < maxLosses) {
      losses++;
      // Planned before anything is dropped: the server may be gone.
      planned = await parts.plan(run, options.signal);
      if (scopeOf(run.job, planned.plan.fingerprint) !== run.key.scope) throw inputsMoved(run);
      const reason = ended.error.message;
      const next = await supersede(run, parts, sink, takeOver);
      emit({ type: "run.superseded", by: next.run.id, reason, partitions: next.dropped });
      lossWarning = `${reason} The whole input was read again.`;
      chosen = { run: next.run, isResumed: chosen.isResumed };
      continue;
    }
    const outcome = await outcomeOf(run, ended, timing, parts);
    return { ...outcome, warning: lossWarning ?? outcome.warning ?? adoption };
  }
  return { ...chosen.outcome, warning: chosen.outcome.warning ?? adoption };
}

async function outcomeOf(
  run: Run,
  ended: Executed,
  timing: Timing,
  parts: Pick<CoordinatorParts, "ledger" | "clock">,
): Promise<RunOutcome> {
  switch (ended.status) {
    case "published": {
      const { changes } = ended;
      const outcome = await readOutcome(run, "published", timing, parts);
      return changes === undefined ? outcome : { ...outcome, changes };
    }
    case "adopted":
      return {
        ...(await readOutcome(run, "already-published", timing, parts)),
        warning: adoptedWarning(run),
      };
    default:
      return { ...(await readOutcome(run, ended.status, timing, parts)), error: ended.error };
  }
}

/** Records what a coordinator with another ledger published. @returns `null` if there is no such publication */
export async function adoptElsewhere(
  {
    run,
    sink,
    takeOver,
    options,
    timing,
  }: Pick<RunTask, "sink" | "takeOver" | "options" | "timing"> & {
    readonly run: Run;
  },
  parts: Pick<CoordinatorParts, "ledger" | "clock" | "self">,
): Promise<RunOutcome | null> {
  const { ledger, clock } = parts;
  const decision = await publishedElsewhere(run, ledger, sink);
  if (decision === null) return null;
  const claim = await ledger.claimRun(run.id, parts.self, { takeOver });
  try {
    const emit = eventEmitter(run.id, options.observers, clock);
    await adoptPublication({ run, claim, ledger, sink, emit }, decision);
  } finally {
    await ledger.releaseRun(claim).catch(() => undefined);
  }
  return outcomeOf(run, { status: "adopted" }, timing, parts);
}

/** Returns the outcome according to the ledger. @param run `null` if the request led to no run */
export async function readOutcome(
  run: Run | null,
  status: RunOutcome["status"],
  timing: Timing,
  { ledger, clock }: { readonly ledger: Pick<Ledger, "readRun">; readonly clock: Clock },
): Promise<RunOutcome> {
  const found = run === null ? null : await ledger.readRun(run.id);
  // Rows of a run that another ledger's coordinator published were counted there.
  const isAdopted =
    found?.status === "published" && found.accepted.partitions !== (found.totals?.partitions ?? null);
  const state = isAdopted ? null : found;
  return {
    run,
    status,
    rows: state?.accepted.rows ?? noRows,
    reasons: state?.reasons ?? {},
    stats: state?.stats ?? noStats,
    provider: state?.provider ?? null,
    publication: found?.publication ?? null,
    seconds: (clock.monotonicMs() - timing.startedMs) / 1000,
    error: null,
    warning: null,
  };
}

export function eventEmitter(runId: string, observers: readonly Observer[], clock: Clock): Emit {
  return (body) => {
    const event = { runId, at: clock.now().toISOString(), ...body };
    tellAll(observers, (observer) => observer.on(event));
  };
}

export function inputsMoved(run: Run): SpecError {
  return new SpecError(
    "refused.other-fingerprint",
    `The inputs of ${run.id} changed before its plan was saved.`,
    {
      hint: startAgain(run.id),
    },
  );
}

function wasJustPublished(thrown: unknown): boolean {
  const { code, details } = asNightshiftError(thrown);
  return code === "refused.run-ended" && details.status === "published";
}
