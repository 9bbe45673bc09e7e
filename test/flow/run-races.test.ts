/** Two coordinators that were asked for the same run at the same moment. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import type { Ledger } from "../../src/ledgers/ledger.js";
import { runIdOf } from "../../src/running/run-identity.js";
import { createRunner, type Runner } from "../../src/running/runner.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { freshDirectory, sinkFor } from "../support/file-target.js";
import { journalProcesses, systemClock, type TestProcess } from "../support/journal-processes.js";
import { aPlan } from "../support/runs.js";

const request = {
  kind: "spec",
  specPath: null,
  trigger: "library",
  reprocess: false,
  restart: false,
  takeOver: false,
} as const;
const planned = { plan: { ...aPlan(0), totals: { ...aPlan(0).totals, rows: 0 } }, partitions: [] };
const never = (): never => {
  throw new Error("no planning or scoring in this test");
};

it("one that finds the run unfinished, and published once it claims it, says that it is published", async () => {
  const root = freshDirectory();
  const processes = journalProcesses(join(root, "state"), localFileSystem());
  const runnerOf = ({ owner }: TestProcess, ledger: Ledger): Runner =>
    createRunner({
      ledger,
      clock: systemClock,
      self: owner,
      cores: 1,
      memoryBytes: 1e9,
      planningHost: never,
      sink: async () => sinkFor({ to: join(root, "out") }, "replace"),
      keeper: async () => null,
      pause: (ms, signal) => sleep(ms, undefined, { signal, ref: false }).catch(() => undefined),
      dispatcher: () => ({ capacity: 1, enqueue: never, drain: async () => {}, close: async () => {} }),
    });
  const options = { signal: new AbortController().signal, observers: [] };
  const [first, late] = [processes.start(), processes.start()];
  const winner = runnerOf(first, first.ledger);
  let outcome = "";
  const loser = runnerOf(late, {
    ...late.ledger,
    async claimRun(...asked) {
      if (outcome === "") outcome = (await winner.runPlan(planned, request, options)).status;
      return late.ledger.claimRun(...asked);
    },
  });
  const told = await loser.runPlan(planned, request, options);
  expect(outcome).toBe("published");
  expect(told).toMatchObject({ status: "already-published", publication: 1, error: null });
  expect(told.run?.id).toBe(runIdOf(planned.plan.job, told.run?.key ?? never()));
});
