/**
 * Records the decision about every tick, beside the ledger. A tick is recorded once, by the first scheduler
 * that decides it, and before its run begins. So concurrent schedulers cannot start it twice, and a process
 * that dies in between leaves an open tick whose run still happens. Everything is stored by job name.
 */
import type { Owner } from "../job/run.js";
import type { Tick } from "../time/schedule.js";

export interface ScheduleStore {
  /**
   * Returns the state of a job's schedule. A new or changed schedule is followed from `now` on: earlier ticks
   * are not caught up. A scheduler with an older spec may continue to ask for the previous schedule; for one
   * hour (`takesOverMs`) it keeps its state, so that neither of the two makes the other one new.
   */
  follow(job: string, schedule: string, now: Date): Promise<Following>;
  /**
   * Records a tick; durable when the promise resolves. `exists`: another scheduler recorded it first, and its
   * decision counts.
   */
  record(job: string, tick: Tick, by: Owner): Promise<"recorded" | "exists">;
  /** Records how a fired tick ended. Any process may call it and repeat it; the first end counts. */
  end(job: string, at: string, end: TickEnd): Promise<void>;
  /**
   * Records why a fired tick has not run yet or runs again. The newest note counts, until the tick has ended.
   * Called by the scheduler that runs the tick.
   */
  note(job: string, at: string, progress: TickProgress): Promise<void>;
  /** Returns how a tick ended; `null` while it has not. */
  endOf(job: string, at: string): Promise<TickEnd | null>;
  /** Returns the fired ticks without an end, oldest first. */
  open(job: string): Promise<readonly OpenTick[]>;
  /**
   * Reports that a scheduler is alive. It is called every few seconds; while it is, ticks that this scheduler
   * recorded are its own to run.
   */
  attend(self: Owner): Promise<void>;
  /** Newest first. */
  ticks(job: string): AsyncIterable<RecordedTick>;
  /** Pauses the schedule. `false`: it was paused already. */
  pause(job: string, now: Date): Promise<boolean>;
  /**
   * Resumes the schedule: later ticks fire again, and those in between are not caught up. `false`: it was not
   * paused.
   */
  resume(job: string, now: Date): Promise<boolean>;
  isPaused(job: string): Promise<boolean>;
  /** Removes ticks of old days. The cursor stays. */
  prune(job: string): Promise<void>;
}

export interface Following {
  /** The newest recorded tick, or the time from which the schedule is followed. Never moves back. */
  readonly cursor: Date;
  readonly paused: boolean;
}

export interface RecordedTick extends Tick {
  /** The scheduler that recorded the tick, and starts its run if it fired. */
  readonly by: Owner;
  /** `null` while the tick is open, and if it did not fire. */
  readonly end: TickEnd | null;
  /** `null` or absent: it ran, or runs, without waiting or retrying. */
  readonly progress?: TickProgress | null;
}

/** An open tick that is not running: it waits for a condition, or for its next try. */
export interface TickProgress {
  readonly status: "waiting" | "retrying";
  /** Start time; ISO 8601, as is `nextAt`. */
  readonly since: string;
  /** End of the waiting time, after which the tick fails. `null` while it retries. */
  readonly until: string | null;
  /** Time of the next check, as of this note. */
  readonly nextAt: string;
  readonly reason: { readonly code: string; readonly message: string };
  /** Failed tries, oldest first. */
  readonly attempts: readonly TickAttempt[];
}

export interface TickAttempt {
  readonly at: string;
  readonly runId: string | null;
  /** Code of its error. */
  readonly error: string;
}

export interface OpenTick extends RecordedTick {
  /** Whether the scheduler that recorded it still seems to be alive; otherwise any scheduler may run it. */
  readonly isHeld: boolean;
}

export interface TickEnd {
  readonly status: "published" | "already-published" | "skipped" | "failed" | "cancelled";
  readonly runId: string | null;
  /** Code of the error, if there was one. */
  readonly error: string | null;
  /** ISO 8601. */
  readonly at: string;
}
