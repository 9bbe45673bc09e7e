/** Decides which run a request means: one that is published already, one to go on with, or a new generation. */
import { asNightshiftError, CancelledError, SpecError, toErrorRecord } from "../errors.js";
import { isFinal, type Owner, type Run, type RunKey, type RunState } from "../job/run.js";
import { startingOver } from "../job/way-on.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Publication, Sink } from "../sinks/sink.js";

export type RunChoice =
  | { readonly type: "already-published"; readonly publication: Publication; readonly warning: string | null }
  | { readonly type: "resume"; readonly run: Run }
  | { readonly type: "create"; readonly generation: number };

interface Wanted {
  readonly jobId: string;
  readonly scope: string;
  readonly fingerprint: string;
  readonly reprocess: boolean;
  /** The input may have changed without its identity telling: what was published once is scored again. */
  readonly isLive: boolean;
  readonly restart: boolean;
  readonly takeOver: boolean;
}

interface Books {
  readonly ledger: Ledger;
  readonly self: Owner;
}

/** Where a job and interval stand before anything runs. */
export interface Standing {
  /** The run that a request would go on with, or refuse over. */
  readonly unfinished: RunState | null;
  /** The live publication, asked of the sink. */
  readonly published: Publication | null;
  /**
   * A run that the sink's record says is published, and whose coordinator died before it said so in the ledger: perhaps
   * before readers could see it, so it has to be gone on with.
   */
  readonly decided: Run | null;
  /** The newest generation that there is of this job and interval; 0 when there is none. */
  readonly generation: number;
}

/** Creates and claims nothing. */
export async function findStanding(
  key: Pick<RunKey, "jobId" | "scope">,
  ledger: Ledger,
  sink: Sink,
): Promise<Standing> {
  const published = await sink.published(key.jobId, key.scope);
  const newest = await newestRun(ledger, key);
  const last = await ledger.lastGeneration(key.jobId, key.scope);
  const generation = Math.max(last, published?.generation ?? 0);
  const isEnded = newest === null || isFinal(newest);
  const decision = isEnded ? null : await sink.lookup(newest.run.id);
  const isDecided = decision?.outcome === "commit" && decision.rolledBack !== true;
  const ofPublication = published === null ? null : await notSeenThrough(ledger, published);
  return {
    unfinished: isEnded || decision !== null ? null : newest,
    published,
    // Until it is shown, an output that is not there yet is no publication of the sink's.
    decided: ofPublication ?? (isEnded || !isDecided ? null : newest.run),
    generation,
  };
}

export async function chooseRun(wanted: Wanted, books: Books, sink: Sink): Promise<RunChoice> {
  if (wanted.restart) await dropOthers(wanted, books, sink);
  const { unfinished, published, decided, generation } = await findStanding(wanted, books.ledger, sink);
  if (decided !== null && !(wanted.reprocess && (await isDamaged(sink))))
    return { type: "resume", run: decided };
  if (unfinished !== null && wanted.restart) {
    // Another ledger's coordinator may publish it at this very moment: then there is another choice.
    const isPublished = (await drop(books, sink, unfinished.run, wanted.takeOver)) === "published";
    if (isPublished) return chooseRun(wanted, books, sink);
  }
  if (published !== null && !wanted.reprocess && !wanted.isLive) {
    const isLeft = unfinished !== null && !wanted.restart;
    const warnings = [
      otherFingerprintWarning(wanted, published),
      isLeft ? unfinishedWarning(unfinished) : null,
    ];
    return { type: "already-published", publication: published, warning: joined(warnings) };
  }
  if (unfinished !== null && !wanted.restart) {
    refuseOtherFingerprint(wanted, unfinished);
    return { type: "resume", run: unfinished.run };
  }
  return { type: "create", generation: generation + 1 };
}

/**
 * Whether what was published last cannot be shown, since a file of it is damaged or gone. A later generation replaces it,
 * and its run is completed by then.
 */
async function isDamaged(sink: Sink): Promise<boolean> {
  try {
    await sink.seeThrough();
    return false;
  } catch (error) {
    const { code } = asNightshiftError(error);
    if (code === "infra.published-file-damaged" || code === "infra.published-file-missing") return true;
    throw error;
  }
}

/**
 * Drops what the job left unfinished from other inputs, specs or models. Such runs of a job without intervals have other
 * scopes; one of an interval has the interval's. What another process works on is not left over.
 */
async function dropOthers(wanted: Wanted, books: Books, sink: Sink): Promise<void> {
  const others: Run[] = [];
  for await (const state of books.ledger.listRuns({ jobId: wanted.jobId })) {
    const { run } = state;
    if (!isFinal(state) && run.interval === null && run.key.scope !== wanted.scope) others.push(run);
  }
  for (const run of others)
    await drop(books, sink, run, false).catch((error) => {
      if (asNightshiftError(error).code !== "refused.owner-alive") throw error;
    });
}

/** What a published run's key has left unfinished, for people; `null`: nothing. */
export function unfinishedWarning({ run }: RunState): string {
  return `${run.id}, a later generation, is unfinished: nightshift retry ${run.id} finishes it, this command with --restart drops it.`;
}

function joined(warnings: readonly (string | null)[]): string | null {
  const given = warnings.filter((warning) => warning !== null);
  return given.length === 0 ? null : given.join(" ");
}

export async function runNamed(ledger: Ledger, runId: string): Promise<Run | null> {
  return (await ledger.readRun(runId))?.run ?? null;
}

async function newestRun(
  ledger: Ledger,
  { jobId, scope }: Pick<RunKey, "jobId" | "scope">,
): Promise<RunState | null> {
  let newest: RunState | null = null;
  for await (const state of ledger.listRuns({ jobId, scope })) {
    if (newest === null || state.run.key.generation > newest.run.key.generation) newest = state;
  }
  return newest;
}

async function notSeenThrough(ledger: Ledger, published: Publication): Promise<Run | null> {
  const state = await ledger.readRun(published.runId);
  return state === null || state.status === "published" ? null : state.run;
}

/** Gives an unfinished run up: the sink decides first, so that nobody can publish it later. */
export async function drop(
  { ledger, self }: Books,
  sink: Sink,
  run: Run,
  takeOver: boolean,
): Promise<"dropped" | "published"> {
  const claim = await ledger.claimRun(run.id, self, { takeOver });
  try {
    const decision = await sink.abort(run);
    if (decision.outcome === "commit") {
      await ledger.adoptPublication(claim, decision.publication);
      return "published";
    }
    // A run that died while it was publishing is not publishing any more: the sink has just decided that.
    const dropped = new CancelledError(`${run.id} was given up for its next generation`);
    if ((await ledger.readRun(run.id))?.status === "publishing")
      await ledger.failRun(claim, toErrorRecord(dropped));
    await ledger.dropRun(claim);
    return "dropped";
  } finally {
    await ledger.releaseRun(claim);
  }
}

function otherFingerprintWarning(wanted: Wanted, published: Publication): string | null {
  if (published.fingerprint === wanted.fingerprint) return null;
  return "What was published came from another spec, model or input than there is now. Score it again with --reprocess.";
}

/** @throws SpecError `refused.other-fingerprint` */
export function refuseOtherFingerprint(
  wanted: Pick<Wanted, "fingerprint">,
  { run, fingerprint }: RunState,
): void {
  if (fingerprint === null || fingerprint === wanted.fingerprint) return;
  throw new SpecError(
    "refused.other-fingerprint",
    `${run.id} is unfinished, and its spec, model or input has changed since it was planned.`,
    {
      hint: `Finish it as it was planned with nightshift retry ${run.id}, or drop it and start over with ${startingOver(run.id).join(" ")}.`,
      details: { run: run.id },
    },
  );
}
