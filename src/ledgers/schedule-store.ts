/**
 * What became of every tick, kept beside the ledger. A tick is recorded once, whoever comes first, and before its run
 * begins; so twins cannot double it, and a process that dies in between leaves a tick that is open, whose run then still
 * happens. All of it is by the name of the job.
 */
import type { Owner } from "../job/run.js";
import type { Tick } from "../time/schedule.js";

export interface ScheduleStore {
  /**
   * Where a job's schedule stands. A schedule that was never seen, or another one than before, is followed from `now`
   * on: nothing from before it was written is caught up with. The one before it, which a scheduler with an older spec may
   * go on to ask for, stands as it did for an hour more (`takesOverMs`): neither of the two makes the other one new.
   */
  follow(job: string, schedule: string, now: Date): Promise<Following>;
  /** Durable when it returns. `exists`: somebody was faster; what they decided counts. */
  record(job: string, tick: Tick, by: Owner): Promise<"recorded" | "exists">;
  /** How a fired tick ended. By whoever knows; may be repeated; the first end counts. */
  end(job: string, at: string, end: TickEnd): Promise<void>;
  /**
   * Records why a fired tick has not run yet, or runs again; the newest note counts, and none does once it has ended. By
   * who runs the tick.
   */
  note(job: string, at: string, progress: TickProgress): Promise<void>;
  /** `null` while it has none. */
  endOf(job: string, at: string): Promise<TickEnd | null>;
  /** Fired ticks that have no end, oldest first. */
  open(job: string): Promise<readonly OpenTick[]>;
  /** A scheduler says that it is there, every few seconds; what it recorded is its own to run for so long. */
  attend(self: Owner): Promise<void>;
  /** Newest first. */
  ticks(job: string): AsyncIterable<RecordedTick>;
  /** `false`: it was so already. */
  pause(job: string, now: Date): Promise<boolean>;
  /** From now on ticks fire again; none of those before is caught up with. */
  resume(job: string, now: Date): Promise<boolean>;
  isPaused(job: string): Promise<boolean>;
  /** Forgets ticks of days long gone. The mark stays. */
  prune(job: string): Promise<void>;
}

export interface Following {
  /** The newest tick that is recorded, or since when the schedule is followed. Never moves back. */
  readonly mark: Date;
  readonly paused: boolean;
}

export interface RecordedTick extends Tick {
  /** Who recorded it, and starts its run if it fired. */
  readonly by: Owner;
  /** `null` while it is open, and where it did not fire. */
  readonly end: TickEnd | null;
  /** `null`, or absent: it ran, or runs, at its first try. */
  readonly progress?: TickProgress | null;
}

/** A tick that is open and does not run: it waits for something, or for its next try. */
export interface TickProgress {
  readonly status: "waiting" | "retrying";
  /** Since when; ISO 8601, as is the next. */
  readonly since: string;
  /** When waiting ends, and the tick fails. `null` while it retries. */
  readonly until: string | null;
  /** When it is looked at again, at the time of the note. */
  readonly nextAt: string;
  readonly reason: { readonly code: string; readonly message: string };
  /** Tries that failed, oldest first. */
  readonly attempts: readonly TickAttempt[];
}

export interface TickAttempt {
  readonly at: string;
  readonly runId: string | null;
  /** Code of its error. */
  readonly error: string;
}

export interface OpenTick extends RecordedTick {
  /** Who recorded it still lives, as far as can be told; otherwise anybody may run it. */
  readonly isHeld: boolean;
}

export interface TickEnd {
  readonly status: "published" | "already-published" | "skipped" | "failed" | "cancelled";
  readonly runId: string | null;
  /** Code of the error, where there was one. */
  readonly error: string | null;
  /** ISO 8601. */
  readonly at: string;
}
