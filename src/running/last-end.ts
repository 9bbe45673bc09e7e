/** How a job ended last, before what is about to begin: what the ledger and the schedule's ticks say. */
import type { Ledger } from "../ledgers/ledger.js";
import type { ScheduleStore } from "../ledgers/schedule-store.js";

export interface LastEnd {
  readonly status: "published" | "failed";
  /** ISO 8601. */
  readonly at: string;
}

/** A run that is older than so many others of its job says nothing of today. */
const mostRuns = 100;
const mostTicks = 20;

/** A tick may fail before there is a run, where its input is missing, say: only the store knows of that. */
export async function lastEndOf(
  job: string,
  ledger: Pick<Ledger, "listRuns">,
  store: Pick<ScheduleStore, "ticks">,
): Promise<LastEnd | null> {
  const ends: LastEnd[] = [];
  let seen = 0;
  for await (const { status, updatedAt } of ledger.listRuns({ jobName: job })) {
    if (status === "published" || status === "failed") ends.push({ status, at: updatedAt });
    if (++seen === mostRuns) break;
  }
  seen = 0;
  for await (const { end } of store.ticks(job)) {
    if (end?.status === "published" || end?.status === "failed")
      ends.push({ status: end.status, at: end.at });
    if (++seen === mostTicks) break;
  }
  // Where a tick and its run ended together, either says the same.
  return ends.sort((a, b) => Date.parse(b.at) - Date.parse(a.at))[0] ?? null;
}
