/** Brings a run to its end: claimed, executed, given back; where what it read is gone, its next generation anew. */

import { asNightshiftError, CancelledError, SpecError } from "../errors.js";
import type { InputSpec } from "../job/job.js";
import { usualLane } from "../job/lane.js";
import { noRows, noStats, type RowChanges } from "../job/partition.js";
import type { Owner, Run } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Emit, Observer } from "../observers/observer.js";
import type { Sink } from "../sinks/sink.js";
import type { InputKeeper } from "../sources/source.js";
import type { Clock } from "../time/clock.js";
import { adoptedWarning, adoptPublication, publishedElsewhere } from "./adopt-publication.js";
import { type Pause, watchForCancel } from "./cancel-watch.js";
import type { MakeDispatcher } from "./dispatch-partitions.js";
import { executeRun, type FindWorkers } from "./execute-run.js";
import type { ProveSlices } from "./prove-inputs.js";
import { tellAll } from "./run-end.js";
import { scopeOf } from "./run-identity.js";
import type { PlannedJob, PlanRequest, RunOptions, RunOutcome } from "./run-request.js";
import { supersede } from "./supersede-run.js";

export interface ExecutionParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly self: Owner;
  /** `null` for an input that needs none. */
  readonly keeper: (input: InputSpec) => Promise<InputKeeper | null>;
  readonly dispatcher: MakeDispatcher;
  readonly workers?: FindWorkers;
  readonly pause: Pause;
  readonly plan: (request: PlanRequest, signal: AbortSignal) => Promise<PlannedJob>;
  readonly proveSlices: ProveSlices;
}

/** When a request began, and how long it planned; `null` where it did not. */
export interface Timing {
  readonly startedMs: number;
  readonly planSeconds: number | null;
}

/** A run that is there, and what it takes to bring it to its end. */
export interface PreparedRun {
  readonly run: Run;
  readonly planned: PlannedJob;
  readonly sink: Sink;
  readonly takeOver: boolean;
  readonly options: RunOptions;
  readonly timing: Timing;
}

export interface RunsToEnd {
  execute(prepared: PreparedRun): Promise<RunOutcome>;
  /** Records what another ledger's coordinator published. @returns `null` where there is no such publication */
  adopt(prepared: Omit<PreparedRun, "planned">): Promise<RunOutcome | null>;
  /** Of what the ledger knows of the run by now; `null` where it never came to one. */
  outcome(run: Run | null, status: RunOutcome["status"], timing: Timing): Promise<RunOutcome>;
}

/** A run whose snapshot is lost over and over, while a server restarts every minute say, is left to people. */
const maxLosses = 3;

export function runsToEnd(parts: ExecutionParts): RunsToEnd {
  const { ledger, clock } = parts;

  /** Brings the run to its end; where what it read is gone, its next generation, from the beginning. */
  async function execute(first: PreparedRun): Promise<RunOutcome> {
    const { sink, takeOver, options } = first;
    let { run, planned } = first;
    let warning: string | null = null;
    for (let losses = 0; ; losses++) {
      const ended = await executeOnce({ ...first, run, planned });
      if (ended.error?.code !== "infra.snapshot-lost" || losses === maxLosses)
        return { ...ended, warning: warning ?? ended.warning };
      // What the server has now, before anything is dropped: it may be gone altogether.
      planned = await parts.plan(run, options.signal);
      if (scopeOf(run.job, planned.plan.fingerprint) !== run.key.scope) throw inputsMoved(run);
      const reason = ended.error.message;
      const next = await supersede(run, parts, sink, takeOver);
      const emit = eventEmitter(run.id, options.observers, clock);
      emit({ type: "run.superseded", by: next.run.id, reason, partitions: next.dropped });
      warning = `${reason} Everything was read anew.`;
      run = next.run;
    }
  }

  /** Claims the run, brings it to its end, and gives the claim back whatever happens. */
  async function executeOnce(prepared: PreparedRun): Promise<RunOutcome> {
    const { run, planned, sink, takeOver, options, timing } = prepared;
    const claim = await ledger.claimRun(run.id, parts.self, { takeOver });
    const tell = eventEmitter(run.id, options.observers, clock);
    let changes: RowChanges | undefined;
    const emit: Emit = (body) => {
      if (body.type === "run.published") changes = body.changes;
      tell(body);
    };
    const watch = watchForCancel(claim, ledger, parts.pause, options.signal);
    try {
      const how = await executeRun({
        run,
        claim,
        planned,
        ledger,
        sink,
        keeper: await parts.keeper(run.job.input),
        planSeconds: timing.planSeconds,
        clock,
        emit,
        signal: watch.signal,
        lane: options.lane ?? run.lane ?? usualLane,
        dispatcher: parts.dispatcher,
        ...(parts.workers === undefined ? {} : { workers: parts.workers }),
        proveSlices: parts.proveSlices,
      });
      if (how === "adopted")
        return { ...(await outcome(run, "already-published", timing)), warning: adoptedWarning(run) };
      const ended = await outcome(run, "published", timing);
      return changes === undefined ? ended : { ...ended, changes };
    } catch (thrown) {
      const error = asNightshiftError(thrown);
      const status = error instanceof CancelledError ? "cancelled" : "failed";
      return { ...(await outcome(run, status, timing)), error };
    } finally {
      watch.close();
      // A claim that cannot be given back, on a full disk say, is taken from this process once it has ended.
      await ledger.releaseRun(claim).catch(() => undefined);
    }
  }

  async function adopt(prepared: Omit<PreparedRun, "planned">): Promise<RunOutcome | null> {
    const { run, sink, takeOver, options, timing } = prepared;
    const decision = await publishedElsewhere(run, ledger, sink);
    if (decision === null) return null;
    const claim = await ledger.claimRun(run.id, parts.self, { takeOver });
    try {
      const emit = eventEmitter(run.id, options.observers, clock);
      await adoptPublication({ run, claim, ledger, sink, emit }, decision);
    } finally {
      await ledger.releaseRun(claim).catch(() => undefined);
    }
    return { ...(await outcome(run, "already-published", timing)), warning: adoptedWarning(run) };
  }

  async function outcome(run: Run | null, status: RunOutcome["status"], timing: Timing): Promise<RunOutcome> {
    const found = run === null ? null : await ledger.readRun(run.id);
    // What another ledger's coordinator published was counted there.
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

  return { execute, adopt, outcome };
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
      hint: "Start it anew with nightshift run or nightshift score.",
    },
  );
}
