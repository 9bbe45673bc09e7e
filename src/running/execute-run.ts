/** One claimed run from its plan to its publication: save the plan, dispatch, follow, prove, publish. */

import {
  asNightshiftError,
  BugError,
  CancelledError,
  DataError,
  InfraError,
  isRunCancelled,
  type NightshiftError,
  runCancelled,
  toErrorRecord,
} from "../errors.js";
import { describeInput } from "../job/job.js";
import { type Lane, usualTag } from "../job/lane.js";
import type { Partition, Receipt, RowCounts } from "../job/partition.js";
import { rowsIn, sumRows } from "../job/partition.js";
import type { Plan } from "../job/plan.js";
import type { Claim, Run } from "../job/run.js";
import type { QueueWorkers } from "../job/run-events.js";
import { withHintOf } from "../job/way-on.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Emit } from "../observers/observer.js";
import { refuseOverspent, sumReasons } from "../scoring/row-policy.js";
import type { Sink } from "../sinks/sink.js";
import type { InputKeeper, KeptInput } from "../sources/source.js";
import type { Clock } from "../time/clock.js";
import { adoptPublication, publishedElsewhere } from "./adopt-publication.js";
import { dispatchPartitions, type MakeDispatcher } from "./dispatch-partitions.js";
import { type ProveSlices, proveInputs } from "./prove-inputs.js";

export interface Execution {
  readonly run: Run;
  readonly claim: Claim;
  /** `partitions` is empty when the plan was stored earlier. */
  readonly planned: { readonly plan: Plan; readonly partitions: readonly Partition[] };
  /** That planning took; `null` where nobody has just planned. */
  readonly planSeconds: number | null;
  readonly ledger: Ledger;
  readonly sink: Sink;
  /** `null` for an input that needs none. */
  readonly keeper: InputKeeper | null;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly lane: Lane;
  readonly dispatcher: MakeDispatcher;
  readonly workers?: FindWorkers;
  readonly proveSlices: ProveSlices;
}

/** Workers that take partitions of this tag and lane. @returns `null` where partitions go over no queue */
export type FindWorkers = (tag: string, lane: Lane) => Promise<QueueWorkers | null>;

/** @returns `adopted` where a coordinator with another ledger published the run before this one could */
export async function executeRun(execution: Execution): Promise<"published" | "adopted"> {
  const { run, claim, planned, ledger, sink, keeper, emit } = execution;
  let kept: KeptInput | null = null;
  try {
    const stored = await ledger.readPlan(run.id);
    const { jobName: job, trigger, interval } = run;
    emit({ type: "run.started", job, trigger, interval, resumed: stored !== null });
    if (await adopted(execution)) return "adopted";
    if (stored === null) {
      // It may have been recorded before anybody knew its columns.
      await sink.check(run, planned.plan.mapping.columns);
      kept = await keepInput(execution);
    }
    const plan = stored ?? (await savePlan(execution, kept));
    const workers = (await execution.workers?.(plan.job.runsOn ?? usualTag, execution.lane)) ?? null;
    sayPlan(plan, stored === null ? execution.planSeconds : null, workers, emit);
    // The answer to an earlier publication may have been lost: its record decides, not our memory.
    const isDecided = (await sink.lookup(run.id))?.outcome === "commit";
    if (!isDecided) {
      if (stored !== null) await refuseLostInput(execution, stored);
      await dispatchPartitions({ ...execution, plan });
      await refuseCancelled(execution);
    }
    // All is read: whoever waits for the end of a snapshot, the sink perhaps, need not wait for the publication.
    await kept?.release();
    await publish(execution, plan, isDecided);
    // What is left over of an input harms nobody, and goes with the next generation.
    await keeper?.forget(run).catch(() => undefined);
    return "published";
  } catch (thrown) {
    const error = withHintOf(whyItEnded(thrown, execution.signal), run.id);
    // The publisher that won has cleared away what this one was staging.
    if (!(error instanceof CancelledError) && (await adopted(execution).catch(() => false))) return "adopted";
    if (error instanceof CancelledError) emit({ type: "run.cancelled" });
    else emit({ type: "run.failed", error: toErrorRecord(error) });
    // A ledger that cannot be written to keeps the run as it is: unfinished, and so resumable. So does an interrupt.
    if (isRunCancelled(error)) await ledger.cancelRun(claim).catch(() => undefined);
    else if (!(error instanceof CancelledError))
      await ledger.failRun(claim, toErrorRecord(error)).catch(() => undefined);
    throw error;
  } finally {
    await kept?.release();
  }
}

async function adopted(execution: Execution): Promise<boolean> {
  const { run, ledger, sink, keeper } = execution;
  const decision = await publishedElsewhere(run, ledger, sink);
  if (decision === null) return false;
  await adoptPublication(execution, decision);
  await keeper?.forget(run).catch(() => undefined);
  return true;
}

/** What stops at a signal says only that it was stopped; the signal says what for. */
function whyItEnded(thrown: unknown, signal: AbortSignal): NightshiftError {
  const error = asNightshiftError(thrown);
  return error instanceof CancelledError && isRunCancelled(signal.reason) ? signal.reason : error;
}

/** A request that was made before publishing began is never overtaken by it. */
async function refuseCancelled({ claim, ledger, signal }: Execution): Promise<void> {
  if (isRunCancelled(signal.reason) || (await ledger.isCancelRequested(claim))) throw runCancelled();
}

async function keepInput({ run, planned, keeper }: Execution): Promise<KeptInput | null> {
  const { plan, partitions } = planned;
  return (await keeper?.keep(run, { columns: plan.mapping.reads, partitions })) ?? null;
}

/** A snapshot ends with the process that took it: what was read in it, and what another one would read, do not fit. */
async function refuseLostInput({ run, keeper, ledger }: Execution, { job, totals }: Plan): Promise<void> {
  if (keeper === null || keeper.isLasting || totals.partitions < 2) return;
  if ((await ledger.readRun(run.id))?.accepted.partitions === totals.partitions) return;
  throw new InfraError(
    "infra.snapshot-lost",
    `The snapshot of ${describeInput(job.input)} that ${run.id} read ended with the process that held it.`,
    { hint: "Run it again: it then reads a new snapshot from the beginning." },
  );
}

async function savePlan({ claim, planned, ledger }: Execution, kept: KeptInput | null): Promise<Plan> {
  await ledger.savePlan(claim, planned.plan, streamOf(kept?.partitions ?? planned.partitions));
  return planned.plan;
}

function sayPlan(
  { job, assets, totals, threads, profile, mapping, notes }: Plan,
  seconds: number | null,
  workers: QueueWorkers | null,
  emit: Emit,
): void {
  emit({
    type: "run.planned",
    totals,
    threads,
    ...(workers === null ? {} : { workers }),
    provider: profile.provider,
    found: mapping.found,
    warnings: [...mapping.warnings, ...notes],
    model: {
      name: job.model.path.split("/").at(-1) ?? "",
      sha256: assets.find(({ role }) => role === "model")?.sha256 ?? "",
      engine: profile.engine,
    },
    ...(seconds === null ? {} : { seconds }),
  });
}

async function publish(execution: Execution, plan: Plan, isDecided: boolean): Promise<void> {
  const { run, claim, ledger, sink, emit } = execution;
  const receipts = await ledger.beginPublish(claim);
  const rows = proveConserved(plan, receipts);
  if (!isDecided) await proveInputs(plan, receipts, execution);
  const reasons = sumReasons(receipts.map((receipt) => receipt.reasons));
  refuseOverspent(plan.job.rowPolicy, reasons, rows.read);
  refuseEmptied(plan, rows);
  emit({ type: "run.publishing", rows });
  const decision = await sink.publish(run, plan.fingerprint, receipts, {
    columns: plan.mapping.columns,
    modelSha256: plan.assets.find(({ role }) => role === "model")?.sha256 ?? "",
  });
  if (decision.outcome === "abort") {
    await refuseCancelled(execution);
    throw new InfraError(
      "infra.aborted",
      `${run.id} was given up by another process before it could be published.`,
      {
        hint: "Start it anew with nightshift run or nightshift score.",
      },
    );
  }
  await ledger.completeRun(claim, decision.publication);
  const contradictions = receipts.reduce((sum, { stats }) => sum + (stats.contradictions ?? 0), 0);
  const { publication, changes } = decision;
  emit({
    type: "run.published",
    publication,
    rows,
    target: run.target,
    ...(changes === undefined ? {} : { changes }),
    ...(contradictions === 0 ? {} : { contradictions }),
  });
}

/**
 * The conservation law: rows in = predicted + quarantined + filtered. Rows in come from the plan's footers or from what
 * the database said it sent, rows out from what was staged, counted again by the attempts.
 */
function proveConserved(plan: Plan, receipts: readonly Receipt[]): RowCounts {
  const rows = sumRows(receipts.map((receipt) => receipt.rows));
  const told = rowsIn(plan.totals, receipts);
  if (told === rows.predicted + rows.quarantined + rows.filtered && told === rows.read) return rows;
  const whose = plan.totals.rowsEstimated === true ? "sent by the database" : "in the inputs' footers";
  throw new BugError(
    "bug.conservation",
    `Rows do not add up, so nothing is published: ${told ?? "an unknown number"} ${whose}, ${rows.read} read, ` +
      `${rows.predicted} predicted + ${rows.quarantined} quarantined + ${rows.filtered} filtered.`,
    { details: { planned: told, ...rows } },
  );
}

/** There were rows when it was planned; whether none are to be published was asked then. */
function refuseEmptied({ job, totals }: Plan, { read }: RowCounts): void {
  if (read > 0 || totals.rows === 0 || job.input.onEmpty === "publish") return;
  throw new DataError(
    "source.empty",
    `The input has no rows any more: ${describeInput(job.input)}. Nothing is published.`,
    { hint: "Start it anew once there are rows, or set input.on_empty to publish." },
  );
}

async function* streamOf<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
