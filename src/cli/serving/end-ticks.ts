import type { Run } from "../../job/run.js";
import type { ScheduleStore } from "../../ledgers/schedule-store.js";
import { latestCompleteInterval } from "../../time/interval.js";
import type { ServedSpec } from "./spec-folder.js";

/**
 * Ends the ticks of a run that was cancelled, before anybody is told so: a service that dies before its scheduler comes to
 * it would leave them open, and the next one would go on with the run.
 *
 * @param served of the run's job, `null` where its spec is gone: then nobody takes its ticks up
 */
export async function endTicksOf(
  run: Run,
  served: Pick<ServedSpec, "rule"> | null,
  book: ScheduleStore,
  now: Date,
): Promise<void> {
  if (served === null) return;
  for (const { at } of await book.open(run.jobName))
    if (isOf(run, served, at))
      await book.end(run.jobName, at, {
        status: "cancelled",
        runId: run.id,
        error: null,
        at: now.toISOString(),
      });
}

/** Without intervals, a run that was asked for otherwise may be of another input. */
function isOf(run: Run, { rule }: Pick<ServedSpec, "rule">, at: string): boolean {
  if (rule === null) return run.interval === null && run.trigger === "schedule";
  return run.interval !== null && latestCompleteInterval(new Date(at), rule)?.start === run.interval.start;
}
