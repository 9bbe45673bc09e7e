/** Decides which run a request means: one that is published already, one to go on with, or a new generation. */
import { SpecError } from "./errors.js";
import type { Ledger } from "./ledger.js";
import type { Owner, Run, RunState } from "./run.js";
import type { Publication, Sink } from "./sink.js";

export type RunChoice =
  | { readonly type: "already-published"; readonly publication: Publication; readonly warning: string | null }
  | { readonly type: "resume"; readonly run: Run }
  | { readonly type: "create"; readonly generation: number };

interface Wanted {
  readonly jobId: string;
  readonly scope: string;
  readonly fingerprint: string;
  readonly reprocess: boolean;
  readonly restart: boolean;
  readonly takeOver: boolean;
}

interface Books {
  readonly ledger: Ledger;
  readonly self: Owner;
}

export async function chooseRun(wanted: Wanted, books: Books, sink: Sink): Promise<RunChoice> {
  const published = await sink.published(wanted.jobId, wanted.scope);
  if (published !== null) await settle(books, published);
  if (published !== null && !wanted.reprocess) {
    return {
      type: "already-published",
      publication: published,
      warning: otherFingerprintWarning(wanted, published),
    };
  }

  const newest = await newestRun(books.ledger, wanted);
  const unfinished = newest !== null && isUnfinished(newest) ? newest : null;
  const decision = unfinished === null ? null : await sink.lookup(unfinished.run.id);
  if (unfinished !== null && decision?.outcome !== "abort") {
    if (!wanted.restart) {
      refuseOtherFingerprint(wanted, unfinished);
      return { type: "resume", run: unfinished.run };
    }
    await drop(books, sink, unfinished.run, wanted.takeOver);
  }
  const generation = Math.max(newest?.run.key.generation ?? 0, published?.generation ?? 0) + 1;
  return { type: "create", generation };
}

export async function runNamed(ledger: Ledger, runId: string): Promise<Run | null> {
  return (await ledger.readRun(runId))?.run ?? null;
}

async function newestRun(ledger: Ledger, { jobId, scope }: Wanted): Promise<RunState | null> {
  let newest: RunState | null = null;
  for await (const state of ledger.listRuns({ jobId, scope })) {
    if (newest === null || state.run.key.generation > newest.run.key.generation) newest = state;
  }
  return newest;
}

function isUnfinished(state: RunState): boolean {
  return state.status !== "published" && state.status !== "dropped";
}

/** The sink's record is the truth about what is published: a ledger that died before it heard of it is told now. */
async function settle({ ledger, self }: Books, published: Publication): Promise<void> {
  const state = await ledger.readRun(published.runId);
  if (state === null || state.status === "published") return;
  const claim = await ledger.claimRun(published.runId, self, { takeOver: false });
  try {
    await ledger.completeRun(claim, published.publication);
  } finally {
    await ledger.releaseRun(claim);
  }
}

/** Gives an unfinished run up: the sink decides first, so that nobody can publish it later. */
async function drop({ ledger, self }: Books, sink: Sink, run: Run, takeOver: boolean): Promise<void> {
  const claim = await ledger.claimRun(run.id, self, { takeOver });
  try {
    const decision = await sink.abort(run);
    if (decision.outcome === "commit") await ledger.completeRun(claim, decision.publication);
    else await ledger.dropRun(claim);
  } finally {
    await ledger.releaseRun(claim);
  }
}

function otherFingerprintWarning(wanted: Wanted, published: Publication): string | null {
  if (published.fingerprint === wanted.fingerprint) return null;
  return "What was published came from another spec, model or input than there is now. Score it again with --reprocess.";
}

function refuseOtherFingerprint(wanted: Wanted, { run, fingerprint }: RunState): void {
  if (fingerprint === null || fingerprint === wanted.fingerprint) return;
  throw new SpecError(
    "refused.other-fingerprint",
    `${run.id} is unfinished, and its spec, model or input has changed since it was planned.`,
    {
      hint: `Finish it as it was planned with nightshift retry ${run.id}, or drop it and start over with --restart.`,
      details: { run: run.id },
    },
  );
}
