/** What becomes of one tick that is due: it ends, waits for a condition or its next try, or belongs to another process. */
import { asNightshiftError } from "../errors.js";
import type { ScheduleStore, TickEnd, TickProgress } from "../ledgers/schedule-store.js";
import type { Clock } from "../time/clock.js";
import type { Tick } from "../time/schedule.js";
import type { OpenTick, ScheduledJob } from "./open-ticks.js";

export type SchedulerEvent =
  | { readonly type: "tick.decided"; readonly job: string; readonly tick: Tick }
  | { readonly type: "tick.started"; readonly job: string; readonly at: string; readonly again: boolean }
  /** The tick waits for a condition or for its next try. Emitted again when that changes. */
  | {
      readonly type: "tick.waiting";
      readonly job: string;
      readonly at: string;
      readonly progress: TickProgress;
    }
  | { readonly type: "tick.ended"; readonly job: string; readonly at: string; readonly end: TickEnd }
  /** Another process executes the run and reports its end. */
  | { readonly type: "tick.elsewhere"; readonly job: string; readonly at: string }
  /** The schedule store could not be read or written; retried at the next check. */
  | { readonly type: "schedule.failed"; readonly job: string; readonly error: unknown };

/** `progress`: nothing runs, and the tick stays open until the next check. */
export type TickOutcome = Omit<TickEnd, "at"> | { readonly progress: TickProgress } | "elsewhere" | "stopped";

export interface TickParts {
  readonly book: ScheduleStore;
  readonly clock: Clock;
  /**
   * Runs a tick to its end. May be called again for a tick whose earlier start was killed. `elsewhere`:
   * another process executes the run. `stopped`: the signal fired, and the run can be resumed.
   *
   * @param before the result of an earlier call for the tick, maybe in a process that is gone
   */
  readonly run: (
    job: ScheduledJob,
    at: Date,
    signal: AbortSignal,
    before: TickProgress | null,
  ) => Promise<TickOutcome>;
  /**
   * Stops runs of the job that were requested before that instant, in any process; called before a tick of
   * `overlap: cancel_running` is run. Resolves when they have stopped, or after a time limit.
   */
  readonly preempt: (job: ScheduledJob, at: Date, signal: AbortSignal) => Promise<void>;
  readonly tell: (event: SchedulerEvent) => void;
}

/**
 * Runs a tick to its end and records that, or why it waits.
 *
 * @returns `asleep`: it stays open until the next check
 */
export async function settleTick(
  tick: OpenTick,
  signal: AbortSignal,
  parts: TickParts,
): Promise<"over" | "asleep"> {
  const { book, clock, tell } = parts;
  const { job, at } = tick;
  // It may have been cancelled while it waited.
  const before = await book.endOf(job.name, at);
  if (before !== null) {
    tell({ type: "tick.ended", job: job.name, at, end: before });
    return "over";
  }
  if (job.schedule.overlap === "cancel_running") await preempt(tick, signal, parts);
  const outcome = signal.aborted ? "stopped" : await runOnce(tick, signal, parts);
  if (outcome === "elsewhere") {
    tell({ type: "tick.elsewhere", job: job.name, at });
    return "over";
  }
  if (outcome === "stopped" && !tick.isSuperseded) return "over";
  if (outcome !== "stopped" && "progress" in outcome && !tick.isSuperseded) {
    await sleep(tick, outcome.progress, parts);
    return "asleep";
  }
  const ended =
    outcome === "stopped" || "progress" in outcome
      ? ({ status: "cancelled", runId: null, error: null } as const)
      : outcome;
  const end: TickEnd = { ...ended, at: clock.now().toISOString() };
  await book.end(job.name, at, end);
  tell({ type: "tick.ended", job: job.name, at, end });
  return "over";
}

/** A failed preemption does not block the tick. */
async function preempt({ job, at }: OpenTick, signal: AbortSignal, parts: TickParts): Promise<void> {
  await parts
    .preempt(job, new Date(at), signal)
    .catch((error: unknown) => parts.tell({ type: "schedule.failed", job: job.name, error }));
}

function runOnce(
  { job, at, progress }: OpenTick,
  signal: AbortSignal,
  parts: TickParts,
): Promise<TickOutcome> {
  return parts.run(job, new Date(at), signal, progress).catch((error: unknown) => ({
    status: "failed",
    runId: null,
    error: asNightshiftError(error).code,
  }));
}

/** Records the progress once for all checks with the same result. */
async function sleep(tick: OpenTick, progress: TickProgress, { book, tell }: TickParts): Promise<void> {
  const { job, at } = tick;
  const isNews = tick.progress === null || factsOf(tick.progress) !== factsOf(progress);
  tick.progress = progress;
  tick.notBeforeMs = Date.parse(progress.nextAt);
  if (isNews) {
    await book.note(job.name, at, progress);
    tell({ type: "tick.waiting", job: job.name, at, progress });
  }
  tick.running = null;
}

function factsOf({ status, since, until, reason, attempts }: TickProgress): string {
  return JSON.stringify([status, since, until, reason.code, attempts.length]);
}
