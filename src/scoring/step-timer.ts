import type { Step } from "../job/partition.js";
import type { Clock } from "../time/clock.js";

/** Measures the steps of a partition. All steps run in one thread, one after the other. */
export interface StepTimer {
  /** Adds the time since the last lap to this step. */
  lap(step: Step): void;
  readonly seconds: { readonly [step in Step]: number };
  /** Returns the step that has taken the most time so far. */
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
