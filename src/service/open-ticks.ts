/** Ticks that fired and have not ended, as one scheduler holds them, and which of them may run next. */
import type { TickProgress } from "../ledgers/schedule-store.js";
import type { Clock } from "../time/clock.js";
import type { Schedule } from "../time/schedule.js";

export interface ScheduledJob {
  readonly name: string;
  readonly schedule: Schedule;
}

/** A tick of this process or of one that is gone. */
export interface OpenTick {
  readonly job: ScheduledJob;
  readonly at: string;
  readonly again: boolean;
  /** Abort controller of the run; `null` while the tick waits. */
  running: AbortController | null;
  /** A later tick has replaced it. */
  isSuperseded: boolean;
  /** Why it does not run yet, as recorded. */
  progress: TickProgress | null;
  /** It is not checked before this time; epoch milliseconds. */
  notBeforeMs: number;
}

export class OpenTicks {
  private readonly ticks = new Map<string, OpenTick>();

  constructor(private readonly clock: Pick<Clock, "now">) {}

  all(): readonly OpenTick[] {
    return [...this.ticks.values()];
  }

  has(jobName: string, at: string): boolean {
    return this.ticks.has(keyOf(jobName, at));
  }

  /**
   * A tick that waited in a dead process is checked immediately; a tick that was to be retried keeps its
   * time.
   */
  hold(job: ScheduledJob, at: string, again: boolean, progress: TickProgress | null = null): void {
    const notBeforeMs = progress?.status === "retrying" ? Date.parse(progress.nextAt) : 0;
    const waits = { running: null, isSuperseded: false, notBeforeMs };
    this.ticks.set(keyOf(job.name, at), { job, at, again, progress, ...waits });
  }

  letGo({ job, at }: OpenTick): void {
    this.ticks.delete(keyOf(job.name, at));
  }

  isAsleep({ running, notBeforeMs }: OpenTick): boolean {
    return running === null && notBeforeMs > this.clock.now().getTime();
  }

  /** Returns when the first sleeping tick is to be checked; `null` if none sleeps. */
  wakesAt(): Date | null {
    const asleep = this.all().filter((tick) => this.isAsleep(tick));
    return asleep.length === 0 ? null : new Date(Math.min(...asleep.map((tick) => tick.notBeforeMs)));
  }

  /**
   * Returns the earliest tick that may run: while fewer than `maxParallel` do, and one at a time for each job
   * unless it allows more.
   *
   * @param elsewhere by job, the oldest tick that another scheduler runs; a queued tick waits for it
   */
  nextToStart(maxParallel: number, elsewhere: ReadonlyMap<string, string>): OpenTick | null {
    const running = this.all().filter((tick) => tick.running !== null);
    if (running.length >= maxParallel) return null;
    const waiting = this.all()
      .filter((tick) => tick.running === null)
      .sort((a, b) => (a.at < b.at ? -1 : 1));
    for (const tick of waiting) {
      if (this.isAsleep(tick)) continue;
      const { name, schedule } = tick.job;
      const isAlone = !running.some((other) => other.job.name === name);
      const isFirst =
        schedule.overlap !== "queue" ||
        (tick.at < (elsewhere.get(name) ?? `${tick.at}~`) &&
          !waiting.some((other) => other.job.name === name && other.at < tick.at && this.isAsleep(other)));
      if ((isAlone && isFirst) || schedule.overlap === "allow") return tick;
    }
    return null;
  }
}

function keyOf(jobName: string, at: string): string {
  return `${jobName} ${at}`;
}
