import type { App } from "../../app.js";
import { isOpen, type RunState } from "../../job/run.js";
import type { IsInterrupted } from "../lookup/owners.js";

/** A run that is older than so many others of its job has ended, or is nobody's hurry. */
const mostRuns = 100;
/** Runs stop between chunks; what takes longer goes on beside whatever it was to make way for. */
const waitMs = 60_000;

export interface MakeWayOptions {
  readonly isInterrupted: IsInterrupted;
  readonly signal: AbortSignal;
}

/**
 * Cancels what is worked on of a job and was asked for before that instant, whoever works on it: another service, or a
 * command. A backfill's runs are left alone, and so is what is being published, which is over in a moment.
 */
export async function makeWay(
  app: App,
  jobName: string,
  before: Date,
  { isInterrupted, signal }: MakeWayOptions,
): Promise<void> {
  const ledger = await app.ledger();
  const runner = await app.runner();
  const inTheWay: string[] = [];
  let seen = 0;
  for await (const state of ledger.listRuns({ jobName })) {
    if (isWorkedOn(state, isInterrupted) && new Date(state.run.createdAt) < before)
      inTheWay.push(state.run.id);
    if (++seen === mostRuns) break;
  }
  await Promise.all(inTheWay.map((id) => runner.cancel(id, { takeOver: false, waitMs, signal })));
}

function isWorkedOn(state: RunState, isInterrupted: IsInterrupted): boolean {
  const { run, owner } = state;
  return run.trigger !== "backfill" && isOpen(state) && owner !== null && !isInterrupted(state);
}
