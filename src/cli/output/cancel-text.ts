import type { CancelOutcome } from "../../running/cancel-run.js";
import { counted } from "../../text/human.js";
import type { Paint } from "./paint.js";

/** What became of a run that was to be cancelled, and what can be done next. */
export function cancelText(outcome: CancelOutcome, program: string, paint: Paint): string {
  const { run, status, publication, owner } = outcome;
  const id = paint.bold(run.id);
  switch (status) {
    case "cancelled":
      return `${id} is ${paint.yellow("cancelled")}: ${whatIsLeft(outcome, program)}`;
    case "already-cancelled":
      return `${id} was cancelled before: ${whatIsLeft(outcome, program)}`;
    case "published":
      return (
        `${id} is ${paint.green("published")} as publication ${publication ?? "?"}: it cannot be cancelled any more\n` +
        `  take it back: ${program} rollback ${run.jobName}`
      );
    case "failed":
      return `${id} had ${paint.red("failed")} before: nothing of it is running`;
    case "dropped":
      return `${id} was dropped before: nothing of it is running`;
    case "not-stopped": {
      const who = owner === null ? "its owner" : `process ${owner.pid} on ${owner.host}`;
      return (
        `${id}: ${who} was asked to stop, and has not stopped yet; it does between chunks\n` +
        `  look again: ${program} status ${run.id}`
      );
    }
  }
}

function whatIsLeft({ run, accepted, resumable }: CancelOutcome, program: string): string {
  if (!resumable) return `it was about to publish, and never will; ${program} run starts it anew`;
  const kept = accepted === 0 ? "nothing was done yet" : `${counted(accepted, "partition")} done and kept`;
  return `${kept}; ${program} retry ${run.id} resumes it`;
}
