import { expect, it } from "vitest";
import { SharedProgress } from "../../src/host/shared-progress.js";

it("names no step before a thread has reported one", () => {
  expect(new SharedProgress().read()).toEqual({ rows: 0, quarantined: 0, step: null });
});

it("is read on the other side as it was written", () => {
  const host = new SharedProgress();
  const thread = new SharedProgress(host.memory);
  for (const step of ["read", "stage", null] as const) {
    thread.write({ rows: 65_536, quarantined: 3, step });
    expect(host.read()).toEqual({ rows: 65_536, quarantined: 3, step });
  }
});

it("carries a cancellation to the thread, and progress does not undo it", () => {
  const host = new SharedProgress();
  const thread = new SharedProgress(host.memory);
  host.cancel();
  thread.write({ rows: 1, quarantined: 0, step: "predict" });
  expect(thread.isCancelled).toBe(true);
});
