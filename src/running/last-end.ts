/** Determines how a job ended last, before the present run, from the ledger and the schedule's ticks. */
import type { Ledger } from "../ledgers/ledger.js";
import type { ScheduleStore } from "../ledgers/schedule-store.js";
import { isScore } from "./job-freshness.js";

export interface LastEnd {
  readonly status: "published" | "failed";
  /** ISO 8601. */
  readonly at: string;
}

/** An older run of the job is not relevant for the present. */
const mostRuns = 100;
const mostTicks = 20;

/**
 * A tick may fail before a run is created, for example because its input is missing: only the schedule store
 * records that.
 */
export async function lastEndOf(
  job: string,
  ledger: Pick<Ledger, "listRuns">,
  store: Pick<ScheduleStore, "ticks">,
): Promise<LastEnd | null> {
  const ends: LastEnd[] = [];
  let seen = 0;
  for await (const state of ledger.listRuns({ jobName: job })) {
    const { status, updatedAt } = state;
    if (!isScore(state) && (status === "published" || status === "failed"))
      ends.push({ status, at: updatedAt });
    if (++seen === mostRuns) break;
  }
  seen = 0;
  for await (const { end } of store.ticks(job)) {
    if (end?.status === "published" || end?.status === "failed")
      ends.push({ status: end.status, at: end.at });
    if (++seen === mostTicks) break;
  }
  // If a tick and its run ended at the same time, both have the same status.
  return ends.sort((a, b) => Date.parse(b.at) - Date.parse(a.at))[0] ?? null;
}
