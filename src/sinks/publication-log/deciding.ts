/**
 * From an intent to a decision. A process that finds a number taken reads the head again, computes the entry
 * again and retries:
 *
 * ```
 * read head --run decided already--> decided (adopt it, regardless of the winner)
 *     ^ `------not decided--> put head + 1, if absent --put--> decided
 *     `------------- taken, or no answer ------'
 * ```
 * Pure functions: they return the next step, and the caller that reads and puts passes the answer back.
 */
import { SpecError } from "../../errors.js";
import { type Intent, nextEntry } from "./next-entry.js";
import { decisionOf, type LogEntry } from "./publication-log.js";

/** State of a process on the way to a decision. Plain data: a step and its inputs. */
export type Deciding =
  | { readonly step: "read-head"; readonly intent: Intent }
  | { readonly step: "put"; readonly intent: Intent; readonly entry: LogEntry }
  /** `seq`: the entry that decided the run, from this process or another. */
  | { readonly step: "decided"; readonly outcome: "commit" | "abort" | "rollback"; readonly seq: number }
  | { readonly step: "refused"; readonly error: SpecError };

export function begin(intent: Intent): Deciding {
  return { step: "read-head", intent };
}

/** Continues from `read-head`. The head must be durable: an adopted decision must survive a power cut. */
export function withHead(intent: Intent, head: LogEntry | null): Deciding {
  const settled = settledBy(intent, head);
  if (settled !== null) return settled;
  try {
    return { step: "put", intent, entry: nextEntry(intent, head) };
  } catch (error) {
    if (error instanceof SpecError) return { step: "refused", error };
    throw error;
  }
}

/** Continues from `put`. `unknown`: the answer was lost, so the log is read again. */
export function withAnswer(
  deciding: Extract<Deciding, { step: "put" }>,
  answer: "put" | "taken" | "unknown",
): Deciding {
  const { entry, intent } = deciding;
  return answer === "put" ? { step: "decided", outcome: entry.action, seq: entry.seq } : begin(intent);
}

function settledBy(intent: Intent, head: LogEntry | null): Deciding | null {
  if (intent.action !== "rollback") {
    const decision = decisionOf(head, intent.run.id);
    return decision && { step: "decided", outcome: decision.outcome, seq: decision.publication };
  }
  const hidden = Object.values(head?.decided ?? {}).find(
    (decision) => decision.outcome === "commit" && decision.publication === intent.hide[0],
  );
  return hidden?.rolledBack === undefined
    ? null
    : { step: "decided", outcome: "rollback", seq: hidden.rolledBack };
}
