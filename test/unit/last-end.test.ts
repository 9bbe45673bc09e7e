import { expect, test } from "vitest";
import type { RunState } from "../../src/job/run.js";
import type { ScheduleStore } from "../../src/ledgers/schedule-store.js";
import { lastEndOf } from "../../src/running/last-end.js";
import { jobIdOf } from "../../src/running/run-identity.js";
import { aRun } from "../support/runs.js";

const noTicks: Pick<ScheduleStore, "ticks"> = {
  async *ticks() {
    yield* [];
  },
};

function ended(kind: "spec" | "score", status: RunState["status"], updatedAt: string): RunState {
  const run = aRun(`${kind}-${status}`);
  const key = { ...run.key, jobId: jobIdOf(run.job, kind) };
  return { run: { ...run, key }, status, updatedAt } as RunState;
}

test.each(["published", "failed"] as const)(
  "a run of score that %s says nothing about the job of its name",
  async (status) => {
    const ledger = {
      async *listRuns() {
        yield ended("score", status, "2026-01-02T00:00:00Z");
        yield ended("spec", status === "published" ? "failed" : "published", "2026-01-01T00:00:00Z");
      },
    };
    expect(await lastEndOf("daily", ledger, noTicks)).toEqual({
      status: status === "published" ? "failed" : "published",
      at: "2026-01-01T00:00:00Z",
    });
  },
);
