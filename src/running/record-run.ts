/**
 * Records a run that is requested now and begins later, so that it survives the death of the process that
 * received the request, and so that a repeated request leads to the same run.
 */

import { asNightshiftError, CancelledError, InfraError, toErrorRecord } from "../errors.js";
import { isLive } from "../job/job.js";
import type { WriteSpec } from "../job/output.js";
import type { Owner, Run } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Sink } from "../sinks/sink.js";
import type { Clock } from "../time/clock.js";
import { findStanding, refuseOtherFingerprint } from "./choose-run.js";
import { jobIdOf, newRun, scopeOf } from "./run-identity.js";
import type { PlannedJob, PlanRequest, RunOptions, RunOutcome, RunRequest } from "./run-request.js";

/** `recorded`: by this call. `unfinished`: there was one to resume. `published`: there is nothing to do. */
export interface RecordedRun {
  readonly runId: string;
  readonly is: "recorded" | "unfinished" | "published";
}

export interface RecordParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly sink: (write: WriteSpec) => Promise<Sink>;
  readonly plan: (request: PlanRequest, signal: AbortSignal) => Promise<PlannedJob>;
}

/** Another process may record the same run in between: then it is looked up again. */
const tries = 5;

/**
 * Plans only if the run cannot be determined otherwise: for a job without intervals, or an unfinished run.
 *
 * @throws SpecError `refused.other-fingerprint`; errors of planning
 */
export async function recordRun(
  request: RunRequest,
  parts: RecordParts,
  signal: AbortSignal,
): Promise<RecordedRun> {
  const { job, kind, guess, reprocess } = request;
  const { ledger, clock } = parts;
  let planned: Promise<PlannedJob> | null = null;
  const fingerprint = async (): Promise<string> => {
    planned ??= parts.plan({ job, guess }, signal);
    return (await planned).plan.fingerprint;
  };
  const jobId = jobIdOf(job, kind);
  const scope = scopeOf(job, job.interval === null ? await fingerprint() : "");
  const sink = await parts.sink(job.write);
  for (let attempt = 1; attempt <= tries; attempt++) {
    const { unfinished, published, decided, generation } = await findStanding({ jobId, scope }, ledger, sink);
    if (decided !== null) return { runId: decided.id, is: "unfinished" };
    if (published !== null && !reprocess && !isLive(job)) return { runId: published.runId, is: "published" };
    if (unfinished !== null) {
      if (unfinished.fingerprint !== null)
        refuseOtherFingerprint({ fingerprint: await fingerprint() }, unfinished);
      return { runId: unfinished.run.id, is: "unfinished" };
    }
    const run = newRun(request, { jobId, scope, generation: generation + 1 }, clock.now());
    if ((await ledger.createRun(run)) === "created") return { runId: run.id, is: "recorded" };
  }
  throw new InfraError(
    "infra.contended",
    `Others keep recording runs of ${job.name} for the same interval.`,
    {
      hint: "Try again.",
    },
  );
}

export interface FinishParts {
  readonly ledger: Ledger;
  readonly self: Owner;
  readonly retry: (
    runId: string,
    options: RunOptions & { readonly takeOver: boolean },
  ) => Promise<RunOutcome>;
}

/**
 * Executes or resumes a recorded run. An error that prevents planning fails the run, because no caller waits
 * for it.
 *
 * @throws SpecError `refused.owner-alive` if another process executes it; CancelledError
 */
export async function finishRun(
  { id: runId }: Pick<Run, "id">,
  { ledger, self, retry }: FinishParts,
  options: RunOptions,
): Promise<RunOutcome> {
  try {
    return await retry(runId, { ...options, takeOver: false });
  } catch (thrown) {
    const error = asNightshiftError(thrown);
    if (error instanceof CancelledError || error.code.startsWith("refused.owner")) throw error;
    const state = await ledger.readRun(runId);
    if (state?.fingerprint === null && (state.status === "created" || state.status === "failed")) {
      const claim = await ledger.claimRun(runId, self, { takeOver: false });
      try {
        await ledger.failRun(claim, toErrorRecord(error));
      } finally {
        await ledger.releaseRun(claim);
      }
    }
    throw error;
  }
}
