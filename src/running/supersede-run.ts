/** Replaces a run that cannot continue, because the snapshot it read is gone, by its next generation. */

import { SpecError } from "../errors.js";
import type { Owner, Run } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import { runEnded } from "../ledgers/refusals.js";
import type { Sink } from "../sinks/sink.js";
import type { Clock } from "../time/clock.js";
import { drop } from "./choose-run.js";
import { runIdOf } from "./run-identity.js";

interface Books {
  readonly ledger: Ledger;
  readonly self: Owner;
  readonly clock: Clock;
}

export interface Superseding {
  readonly run: Run;
  /** Number of accepted partitions of the dropped run. */
  readonly dropped: number;
}

/**
 * Drops the run with its accepted partitions, and creates its next generation.
 * @throws SpecError `refused.owner-alive` if another process was faster
 */
export async function supersede(run: Run, books: Books, sink: Sink, takeOver: boolean): Promise<Superseding> {
  const { ledger, clock } = books;
  const dropped = (await ledger.readRun(run.id))?.accepted.partitions ?? 0;
  if ((await drop(books, sink, run, takeOver)) === "published") throw runEnded(run.id, "published");
  const key = { ...run.key, generation: run.key.generation + 1 };
  const next = { ...run, id: runIdOf(run.job, key), key, createdAt: clock.now().toISOString() };
  await sink.check(next);
  if ((await ledger.createRun(next)) === "exists") throw justStarted(next);
  return { run: next, dropped };
}

export function justStarted(run: Run): SpecError {
  return new SpecError("refused.owner-alive", `Another process has just started ${run.id}.`, {
    hint: `Follow it with: nightshift status ${run.id} --watch`,
  });
}
