import type { RunEvent } from "../../src/job/run-events.js";

type Bare<E> = E extends RunEvent ? Omit<E, "runId" | "at"> : never;

export function runEvent(event: Bare<RunEvent>): RunEvent {
  return { runId: "r1", at: "2026-01-15T02:15:00.000Z", ...event } as RunEvent;
}

export const planned = runEvent({
  type: "run.planned",
  totals: { files: 3, partitions: 12, rows: 3_000_000, bytes: 1e9 },
  threads: 2,
  provider: "cpu",
  found: ["distance, hour, dow feed float_input, by name"],
  warnings: ["4 threads lowered to 2: row groups take 1.2 GB"],
});

export function progress(rowsDone: number, more: { quarantined?: number } = {}): RunEvent {
  return runEvent({
    type: "run.progress",
    rowsDone,
    rowsTotal: 3_000_000,
    quarantined: more.quarantined ?? 0,
    partitionsDone: 0,
    partitionsTotal: 12,
    rowsPerSecond: 482_345,
    secondsLeft: 4.2,
    limitingStep: "predict",
  });
}

export const published = runEvent({
  type: "run.published",
  publication: 7,
  rows: { read: 3_000_000, predicted: 2_999_990, quarantined: 10, filtered: 0 },
  target: "/data/out",
});
