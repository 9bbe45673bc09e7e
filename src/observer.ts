import type { RunEvent, RunEventBody } from "./run-events.js";

/** Watches runs: progress bars, logs, metrics. May be slow or broken without harming a run. */
export interface Observer {
  on(event: RunEvent): void;
  close?(): void | Promise<void>;
}

/** Tells one run's observers what happens to it. */
export type Emit = (event: RunEventBody) => void;
