/** One claimed run from its plan to its publication: save the plan, dispatch, follow, prove, publish. */
import type { AttemptOutcome } from "./attempts.js";
import type { Clock } from "./clock.js";
import { dispatchPartitions } from "./dispatch-partitions.js";
import type { Dispatcher } from "./dispatcher.js";
import { asNightshiftError, BugError, CancelledError, InfraError, toErrorRecord } from "./errors.js";
import type { Ledger } from "./ledger.js";
import type { Emit } from "./observer.js";
import type { Partition, Receipt, RowCounts } from "./partition.js";
import { rowsIn, sumRows } from "./partition.js";
import { refuseOverspent } from "./pipeline/row-policy.js";
import type { Plan } from "./plan.js";
import type { Claim, Run } from "./run.js";
import type { Sink } from "./sink.js";

export interface Execution {
  readonly run: Run;
  readonly claim: Claim;
  /** `partitions` is empty when the plan was stored earlier. */
  readonly planned: { readonly plan: Plan; readonly partitions: readonly Partition[] };
  readonly ledger: Ledger;
  readonly sink: Sink;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly dispatcher: (plan: Plan, wake: (outcome: AttemptOutcome) => void) => Dispatcher;
}

export async function executeRun(execution: Execution): Promise<void> {
  const { run, claim, ledger, sink, emit } = execution;
  try {
    const plan = await startRun(execution);
    // The answer to an earlier publication may have been lost: its record decides, not our memory.
    const decided = await sink.lookup(run.id);
    if (decided?.outcome !== "commit") await dispatchPartitions({ ...execution, plan });
    await publish(execution, plan);
  } catch (thrown) {
    const error = asNightshiftError(thrown);
    if (error instanceof CancelledError) emit({ type: "run.cancelled" });
    else {
      emit({ type: "run.failed", error: toErrorRecord(error) });
      // A ledger that cannot be written to keeps the run as it is: unfinished, and so resumable.
      await ledger.failRun(claim, toErrorRecord(error)).catch(() => undefined);
    }
    throw error;
  }
}

async function startRun({ run, claim, planned, ledger, emit }: Execution): Promise<Plan> {
  const stored = await ledger.readPlan(run.id);
  emit({ type: "run.started", job: run.jobName, resumed: stored !== null });
  if (stored === null) await ledger.savePlan(claim, planned.plan, streamOf(planned.partitions));
  const plan = stored ?? planned.plan;
  const { totals, threads, profile, mapping, notes } = plan;
  emit({
    type: "run.planned",
    totals,
    threads,
    provider: profile.provider,
    found: mapping.found,
    warnings: [...mapping.warnings, ...notes],
  });
  return plan;
}

async function publish({ run, claim, ledger, sink, emit }: Execution, plan: Plan): Promise<void> {
  const receipts = await ledger.beginPublish(claim);
  const rows = proveConserved(plan, receipts);
  refuseOverspent(plan.job.rowPolicy, receipts, rows.read);
  emit({ type: "run.publishing", rows });
  const decision = await sink.publish(run, plan.fingerprint, receipts, {
    columns: plan.mapping.columns,
    modelSha256: plan.assets.find(({ role }) => role === "model")?.sha256 ?? "",
  });
  if (decision.outcome === "abort") {
    throw new InfraError(
      "infra.aborted",
      `${run.id} was given up by another process before it could be published.`,
      {
        hint: "Start it anew with nightshift run or nightshift score.",
      },
    );
  }
  await ledger.completeRun(claim, decision.publication);
  emit({ type: "run.published", publication: decision.publication, rows, target: run.target });
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

async function* streamOf<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
