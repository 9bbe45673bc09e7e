/**
 * Decides which run a request leads to: a published one, an unfinished one to resume, or a new generation.
 */
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
  /** The input may have changed although its identity has not: a published run is scored again. */
  readonly isLive: boolean;
  readonly restart: boolean;
  readonly takeOver: boolean;
}

interface Books {
  readonly ledger: Ledger;
  readonly self: Owner;
}

/** State of a job and interval before anything runs. */
export interface Standing {
  /** The run that a request would resume, or that blocks it. */
  readonly unfinished: RunState | null;
  /** The live publication according to the sink. */
  readonly published: Publication | null;
  /**
   * A run that the sink's record shows as published, but whose coordinator died before it recorded this in
   * the ledger, maybe before readers could see it, so it has to be resumed.
   */
  readonly decided: Run | null;
  /** The newest generation of this job and interval; 0 if there is none. */
  readonly generation: number;
}

/** Reads the state. Creates and claims nothing. */
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
    // An output that does not exist yet is not a publication until it is shown.
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
    // Another ledger's coordinator may publish it at this moment: then the choice is made again.
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
 * Whether the last publication cannot be shown because one of its files is damaged or missing. A later
 * generation replaces it, and its run is completed then.
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
 * Drops the job's unfinished runs of other inputs, specs or models. Such runs of a job without intervals have
 * other scopes; those of an interval have the interval's. Runs that another process executes are not dropped.
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

/** Describes the unfinished run of a published run's key. */
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

/** Drops an unfinished run: the sink decides first, so that it cannot be published later. */
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
    // A run that died while it was publishing is no longer publishing: the sink has just decided that.
    const dropped = new CancelledError(`${run.id} was dropped for its next generation`);
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
