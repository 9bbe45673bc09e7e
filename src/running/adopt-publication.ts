/**
 * Adopts the publication of a run by a coordinator with another ledger: another machine with its own journal,
 * or this ledger before it was restored from a backup.
 */

import type { Claim, Run } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Emit } from "../observers/observer.js";
import type { Decision, Sink } from "../sinks/sink.js";

interface Adopting {
  readonly run: Run;
  readonly claim: Claim;
  readonly ledger: Ledger;
  readonly sink: Sink;
  readonly emit: Emit;
}

/** Returns the decision on a run that is published, although this ledger does not have all of its partitions. */
export async function publishedElsewhere(
  run: Run,
  ledger: Ledger,
  sink: Pick<Sink, "lookup">,
): Promise<Decision | null> {
  const decision = await sink.lookup(run.id);
  if (decision?.outcome !== "commit") return null;
  const state = await ledger.readRun(run.id);
  return state?.totals != null && state.accepted.partitions === state.totals.partitions ? null : decision;
}

/** Records the publication in this ledger, once readers can see it. */
export async function adoptPublication(
  { run, claim, ledger, sink, emit }: Adopting,
  { publication }: Decision,
): Promise<void> {
  await sink.seeThrough();
  await ledger.adoptPublication(claim, publication);
  emit({ type: "run.already-published", publication, target: run.target, warning: adoptedWarning(run) });
}

export function adoptedWarning({ id }: Pick<Run, "id">): string {
  return `${id} was published by a coordinator with another ledger: that publication counts, and this ledger has recorded it.`;
}
