/** Detects input that has not arrived, and waits for it. */

import { asNightshiftError, CancelledError, type NightshiftError } from "../errors.js";
import type { Job } from "../job/job.js";
import { emptyInput } from "../planning/empty-input.js";
import type { Clock } from "../time/clock.js";
import type { PlannedJob, PlanRequest } from "./run-request.js";

const missing: ReadonlySet<string> = new Set(["source.not-found", "source.not-ready", "source.empty"]);

/** Whether the error means that the input has not arrived yet. */
export function isInputMissing({ code }: Pick<NightshiftError, "code">): boolean {
  return missing.has(code);
}

/** Whether a later retry may succeed without any action: the input arrives, or a server becomes reachable. */
export function healsByWaiting(error: Pick<NightshiftError, "code" | "kind" | "retryable">): boolean {
  return isInputMissing(error) || (error.kind === "infra" && error.retryable);
}

export type InputLook =
  | { readonly kind: "there"; readonly planned: PlannedJob }
  | { readonly kind: "missing"; readonly error: NightshiftError };

export interface Planner {
  plan(request: PlanRequest, signal: AbortSignal): Promise<PlannedJob>;
}

/** Plans the job, since only a plan shows whether all input has arrived. @throws other errors of planning */
export async function lookForInput(planner: Planner, job: Job, signal: AbortSignal): Promise<InputLook> {
  try {
    const planned = await planner.plan({ job, guess: false }, signal);
    const { rows, rowsEstimated } = planned.plan.totals;
    if (rows > 0 || rowsEstimated === true) return { kind: "there", planned };
    return { kind: "missing", error: emptyInput(job) };
  } catch (thrown) {
    const error = asNightshiftError(thrown);
    if (!isInputMissing(error)) throw thrown;
    return { kind: "missing", error };
  }
}

export interface WaitOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** End of the wait; several waits may share it. */
  readonly untilMs: number;
  readonly pollMs: number;
  /** Called when the wait begins. */
  readonly onWait: (error: NightshiftError) => void;
}

/**
 * Waits for a job's input in this process.
 *
 * @returns its plan; `null` when the time is over, so that the run itself reports what is missing
 * @throws CancelledError; errors of planning
 */
export async function waitForInput(
  planner: Planner,
  job: Job,
  options: WaitOptions,
): Promise<PlannedJob | null> {
  const { signal, clock, untilMs, pollMs } = options;
  for (let looks = 0; ; looks++) {
    const leftMs = untilMs - clock.now().getTime();
    if (leftMs <= 0) return null;
    const look = await lookForInput(planner, job, signal);
    if (look.kind === "there") return look.planned;
    if (looks === 0) options.onWait(look.error);
    await options.pause(Math.min(pollMs, leftMs), signal);
    if (signal.aborted) throw new CancelledError();
  }
}
