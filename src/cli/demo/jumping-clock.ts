import type { Clock } from "../../time/clock.js";

export interface JumpingClock extends Clock {
  /** On it goes from there. Durations are the real ones. */
  jumpTo(instant: string): void;
}

/** A wall clock that shows what a story needs, and goes as fast as the real one in between. */
export function jumpingClock(real: Clock, instant: string): JumpingClock {
  let shownMs = Date.parse(instant);
  let sinceMs = real.monotonicMs();
  return {
    now: () => new Date(shownMs + real.monotonicMs() - sinceMs),
    monotonicMs: () => real.monotonicMs(),
    jumpTo(next) {
      shownMs = Date.parse(next);
      sinceMs = real.monotonicMs();
    },
  };
}
