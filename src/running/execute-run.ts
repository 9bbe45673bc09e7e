/**
 * The steps of a run that was chosen and planned: claim, save the plan, dispatch, prove, gate, publish, complete. How a run
 * is chosen: choose-run.ts.
 */

import {
  asNightshiftError,
  CancelledError,
  InfraError,
  isRunCancelled,
  type NightshiftError,
  runCancelled,
  toErrorRecord,
} from "../errors.js";
import { describeInput, type InputSpec } from "../job/input.js";
import { type Lane, usualTag } from "../job/lane.js";
import { type RowChanges, type RowCounts, sumRows } from "../job/partition.js";
import type { Plan } from "../job/plan.js";
import type { Claim, Owner, Run } from "../job/run.js";
import type { QueueWorkers } from "../job/run-events.js";
import { startAgain, withHintOf } from "../job/way-on.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Emit } from "../observers/observer.js";
import type { Decision, Sink } from "../sinks/sink.js";
import type { InputKeeper, KeptInput } from "../sources/source.js";
import type { Clock } from "../time/clock.js";
import { adoptPublication, publishedElsewhere } from "./adopt-publication.js";
import { type Pause, watchForCancel } from "./cancel-watch.js";
import { dispatchPartitions, type MakeDispatcher } from "./dispatch-partitions.js";
import { passGates } from "./gates.js";
import type { ProveSlices } from "./prove-inputs.js";
import { proveRun } from "./prove-run.js";
import type { PlannedJob } from "./run-request.js";

/** What runs are executed with; the same for all runs of a coordinator. */
export interface ExecutionParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly self: Owner;
  /** Returns `null` for an input that needs no snapshot. */
  readonly keeper: (input: InputSpec) => Promise<InputKeeper | null>;
  readonly dispatcher: MakeDispatcher;
  readonly workers?: FindWorkers;
  readonly pause: Pause;
  readonly proveSlices: ProveSlices;
}

/** A run to execute. */
export interface Execution {
  readonly run: Run;
  /** `partitions` is empty if the plan was stored earlier. */
  readonly planned: PlannedJob;
  /** Duration of planning; `null` if the plan was stored earlier. */
  readonly planSeconds: number | null;
  readonly sink: Sink;
  /** Claim a run whose owner is on another host. */
  readonly takeOver: boolean;
  readonly emit: Emit;
  /** Interrupts the run, which stays resumable. */
  readonly signal: AbortSignal;
  readonly lane: Lane;
}

/** Finds the workers that take partitions of a tag and lane. @returns `null` if partitions go over no queue */
export type FindWorkers = (tag: string, lane: Lane) => Promise<QueueWorkers | null>;

/** An execution under its claim. */
interface Claimed extends Execution, ExecutionParts {
  readonly claim: Claim;
  readonly inputKeeper: InputKeeper | null;
}

/** How an execution ended. `adopted`: a coordinator with another ledger published the run before this one could. */
export type Executed =
  | { readonly status: "published"; readonly changes?: RowChanges }
  | { readonly status: "adopted" }
  | { readonly status: "failed" | "cancelled"; readonly error: NightshiftError };

/**
 * @throws NightshiftError if the run cannot be claimed; what ends a claimed run is returned
 */
export async function executeRun(execution: Execution, parts: ExecutionParts): Promise<Executed> {
  const { run, sink, emit } = execution;
  const { ledger } = parts;
  const claim = await ledger.claimRun(run.id, parts.self, execution);
  const watch = watchForCancel(claim, ledger, parts.pause, execution.signal);
  const { signal } = watch;
  let snapshot: KeptInput | null = null;
  let claimed: Claimed = { ...parts, ...execution, claim, signal, inputKeeper: null };
  try {
    claimed = { ...claimed, inputKeeper: await parts.keeper(run.job.input) };
    const stored = await ledger.readPlan(run.id);
    const { jobName: job, trigger, interval } = run;
    emit({ type: "run.started", job, trigger, interval, resumed: stored !== null });
    if (await adopted(claimed)) return { status: "adopted" };
    if (stored === null) snapshot = await pinInput(claimed);
    const plan = stored ?? (await savePlan(claimed, snapshot));
    await reportPlan(claimed, plan, stored === null);
    // The answer to an earlier publication may have been lost: the sink's record decides, not the ledger.
    const isDecided = (await sink.lookup(run.id))?.outcome === "commit";
    if (!isDecided) {
      if (stored !== null) await refuseLostSnapshot(claimed, stored);
      await dispatchPartitions({ ...claimed, plan });
      // All rows are read. The sink may have to wait until the snapshot ends.
      await snapshot?.release();
      passGates({ plan, ...(await proveRun(run.id, plan, claimed)) });
      await refuseCancelled(claimed);
    }
    const published = await publish(claimed, plan);
    await complete(claimed, published);
    const { changes } = published.decision;
    return { status: "published", ...(changes === undefined ? {} : { changes }) };
  } catch (thrown) {
    const error = withHintOf(reasonOf(thrown, signal), run.id);
    // The publisher that won has removed what this coordinator was staging.
    if (!(error instanceof CancelledError) && (await adopted(claimed).catch(() => false)))
      return { status: "adopted" };
    if (error instanceof CancelledError) emit({ type: "run.cancelled" });
    else emit({ type: "run.failed", error: toErrorRecord(error) });
    // A run stays unfinished, and so resumable, after an interrupt or if the ledger cannot be written to.
    if (isRunCancelled(error)) await ledger.cancelRun(claim).catch(() => undefined);
    else if (!(error instanceof CancelledError))
      await ledger.failRun(claim, toErrorRecord(error)).catch(() => undefined);
    return { status: error instanceof CancelledError ? "cancelled" : "failed", error };
  } finally {
    await snapshot?.release();
    watch.close();
    // A claim that cannot be released, on a full disk say, ends with this process.
    await ledger.releaseRun(claim).catch(() => undefined);
  }
}

/** Records the publication of a coordinator with another ledger. @returns whether there was one */
async function adopted(execution: Claimed): Promise<boolean> {
  const { run, ledger, sink, inputKeeper } = execution;
  const decision = await publishedElsewhere(run, ledger, sink);
  if (decision === null) return false;
  await adoptPublication(execution, decision);
  await inputKeeper?.forget(run).catch(() => undefined);
  return true;
}

/** Work that stops at a signal throws only that it was stopped; the signal's reason says why. */
function reasonOf(thrown: unknown, signal: AbortSignal): NightshiftError {
  const error = asNightshiftError(thrown);
  return error instanceof CancelledError && isRunCancelled(signal.reason) ? signal.reason : error;
}

/** Takes a snapshot or a copy of the input if it needs one. The output is checked first. */
async function pinInput({ run, planned, sink, inputKeeper }: Claimed): Promise<KeptInput | null> {
  const { plan, partitions } = planned;
  // The run may have been recorded before its columns were known.
  await sink.check(run, plan.mapping.columns);
  return (await inputKeeper?.keep(run, { columns: plan.mapping.reads, partitions })) ?? null;
}

async function savePlan({ claim, planned, ledger }: Claimed, kept: KeptInput | null): Promise<Plan> {
  await ledger.savePlan(claim, planned.plan, streamOf(kept?.partitions ?? planned.partitions));
  return planned.plan;
}

async function reportPlan(
  { emit, lane, planSeconds, workers }: Claimed,
  { job, assets, totals, threads, profile, mapping, notes }: Plan,
  isNew: boolean,
): Promise<void> {
  const found = (await workers?.(job.runsOn ?? usualTag, lane)) ?? null;
  emit({
    type: "run.planned",
    totals,
    threads,
    ...(found === null ? {} : { workers: found }),
    provider: profile.provider,
    found: mapping.found,
    warnings: [...mapping.warnings, ...notes],
    model: {
      name: job.model.path.split("/").at(-1) ?? "",
      sha256: assets.find(({ role }) => role === "model")?.sha256 ?? "",
      engine: profile.engine,
    },
    ...(isNew && planSeconds !== null ? { seconds: planSeconds } : {}),
  });
}

/**
 * A snapshot ends with the process that took it. Rows that were read in it and rows that a new one shows do not belong to
 * one state of the database.
 */
async function refuseLostSnapshot(
  { run, inputKeeper, ledger }: Claimed,
  { job, totals }: Plan,
): Promise<void> {
  if (inputKeeper === null || inputKeeper.isLasting || totals.partitions < 2) return;
  if ((await ledger.readRun(run.id))?.accepted.partitions === totals.partitions) return;
  throw new InfraError(
    "infra.snapshot-lost",
    `The snapshot of ${describeInput(job.input)} that ${run.id} read ended with the process that held it.`,
    { hint: "Run it again: it then reads a new snapshot from the beginning." },
  );
}

/** A request to cancel that was made before publication began is never overtaken by it. */
async function refuseCancelled({ claim, ledger, signal }: Claimed): Promise<void> {
  if (isRunCancelled(signal.reason) || (await ledger.isCancelRequested(claim))) throw runCancelled();
}

interface Published {
  readonly decision: Decision;
  readonly rows: RowCounts;
  /** Rows whose label contradicts their probabilities. */
  readonly contradictions: number;
}

async function publish(execution: Claimed, plan: Plan): Promise<Published> {
  const { run, claim, ledger, sink, emit } = execution;
  const receipts = await ledger.beginPublish(claim);
  const rows = sumRows(receipts.map((receipt) => receipt.rows));
  emit({ type: "run.publishing", rows });
  const decision = await sink.publish(run, plan.fingerprint, receipts, {
    columns: plan.mapping.columns,
    modelSha256: plan.assets.find(({ role }) => role === "model")?.sha256 ?? "",
  });
  if (decision.outcome === "abort") {
    await refuseCancelled(execution);
    throw new InfraError(
      "infra.aborted",
      `${run.id} was dropped by another process before it could be published.`,
      { hint: startAgain(run.id) },
    );
  }
  const contradictions = receipts.reduce((sum, { stats }) => sum + (stats.contradictions ?? 0), 0);
  return { decision, rows, contradictions };
}

async function complete(
  { run, claim, ledger, inputKeeper, emit }: Claimed,
  { decision, rows, contradictions }: Published,
): Promise<void> {
  const { publication, changes } = decision;
  await ledger.completeRun(claim, publication);
  emit({
    type: "run.published",
    publication,
    rows,
    target: run.target,
    ...(changes === undefined ? {} : { changes }),
    ...(contradictions === 0 ? {} : { contradictions }),
  });
  // A copy of the input that cannot be removed now is removed with the next generation.
  await inputKeeper?.forget(run).catch(() => undefined);
}

async function* streamOf<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
