/**
 * A run that is asked for now and begins later: it is recorded first, so that it is not lost when whoever took the request
 * dies, and so that whoever asks again is told of the same run.
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

/** `recorded`: by this call. `unfinished`: there was one to go on with. `published`: there is nothing to do. */
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

/** Somebody else may record the same run in between: then it is looked for again. */
const tries = 5;

/**
 * Plans only where it cannot be told otherwise which run is meant: a job without intervals, or an unfinished run.
 *
 * @throws SpecError `refused.other-fingerprint`; whatever planning throws
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
 * Runs what was recorded, or goes on with it. What keeps it from being planned fails it: nobody waits for an answer who
 * could be told.
 *
 * @throws SpecError `refused.owner-alive` where another process has it; CancelledError
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
