import type { Step } from "../job/partition.js";
import type { Clock } from "../time/clock.js";

/** Where a partition's time goes. Everything happens in one thread, one step after the other. */
export interface StepTimer {
  /** The time since the last lap was spent in this step. */
  lap(step: Step): void;
  readonly seconds: { readonly [step in Step]: number };
  /** The step that took most of the time so far. */
  longest(): Step;
}

export function createStepTimer(clock: Pick<Clock, "monotonicMs">): StepTimer {
  const seconds = { read: 0, hook: 0, bind: 0, predict: 0, attach: 0, write: 0, stage: 0 };
  let lastMs = clock.monotonicMs();
  return {
    seconds,
    lap(step) {
      const nowMs = clock.monotonicMs();
      seconds[step] += (nowMs - lastMs) / 1000;
      lastMs = nowMs;
    },
    longest() {
      const steps = Object.keys(seconds) as Step[];
      return steps.reduce((longest, step) => (seconds[step] > seconds[longest] ? step : longest), "read");
    },
  };
}
