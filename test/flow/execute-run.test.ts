import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, expect, it } from "vitest";
import type { Dispatcher } from "../../src/dispatchers/dispatcher.js";
import type { RowPolicy } from "../../src/job/job.js";
import type { PartitionRef, Receipt } from "../../src/job/partition.js";
import type { Plan } from "../../src/job/plan.js";
import type { RunEvent } from "../../src/job/run-events.js";
import { type AttemptOutcome, ledgerReporter } from "../../src/running/attempts.js";
import { executeRun } from "../../src/running/execute-run.js";
import type { InputKeeper } from "../../src/sources/source.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import {
  freshDirectory,
  type PartitionRows,
  readOutput,
  runOf,
  sinkFor,
  stagePartition,
  type Target,
} from "../support/file-target.js";
import { journalProcesses, systemClock, type TestProcess } from "../support/journal-processes.js";
import { aPartition, aPlan } from "../support/runs.js";

const rowsAPartition = 3;
const run = runOf("r1");
const whole: readonly PartitionRows[] = [{ ids: [1, 2, 3] }, { ids: [4, 5, 6] }, { ids: [7, 8, 9] }];
const strict: RowPolicy = { onRowError: "quarantine", maxErrorRows: 1, maxErrorFraction: null };

/** Rows of each partition that a database says it sent. */
interface Database {
  readonly sends: readonly number[];
}

let target: Target;
let coordinator: TestProcess;
let started: number[];

beforeEach(async () => {
  const root = freshDirectory();
  target = { to: join(root, "out") };
  coordinator = journalProcesses(join(root, "state"), localFileSystem()).start();
  started = [];
  await coordinator.ledger.createRun(run);
});

/** Executes the run with one worker, which finds the given rows in each partition. */
async function execute(
  found: readonly PartitionRows[],
  rowPolicy?: RowPolicy,
  database?: Database,
  seen: (outcome: AttemptOutcome) => AttemptOutcome = (outcome) => outcome,
  keeper: InputKeeper | null = null,
): Promise<readonly RunEvent["type"][]> {
  const { ledger, owner } = coordinator;
  const events: RunEvent["type"][] = [];
  const ended = await executeRun(
    {
      run,
      planned: planOf(found.length, rowPolicy, database),
      planSeconds: null,
      sink: sinkFor(target, "replace"),
      takeOver: false,
      emit: (event) => void events.push(event.type),
      signal: new AbortController().signal,
      lane: "scheduled",
    },
    {
      ledger,
      clock: systemClock,
      self: owner,
      keeper: async () => keeper,
      dispatcher: (_, wake) => oneWorker(found, (outcome) => wake(seen(outcome)), database),
      pause: (ms, signal) => sleep(ms, undefined, { signal, ref: false }).catch(() => undefined),
      proveSlices: async () => {
        throw new Error("no ctime moved");
      },
    },
  );
  if ("error" in ended) throw ended.error;
  return events;
}

function planOf(partitions: number, rowPolicy?: RowPolicy, database?: Database) {
  const plan = aPlan(partitions);
  const estimate = database === undefined ? {} : ({ rowsEstimated: true } as const);
  const totals = { ...plan.totals, rows: partitions * rowsAPartition, ...estimate };
  const job = { ...plan.job, rowPolicy: rowPolicy ?? plan.job.rowPolicy };
  return {
    plan: { ...plan, totals, job } satisfies Plan,
    partitions: Array.from({ length: partitions }, (_, index) => ({
      ...aPartition(index),
      rows: rowsAPartition,
    })),
  };
}

function oneWorker(
  found: readonly PartitionRows[],
  wake: (outcome: AttemptOutcome) => void,
  database?: Database,
): Dispatcher {
  const reporter = ledgerReporter(coordinator.ledger, wake);
  return {
    capacity: 1,
    async enqueue(ref) {
      const attemptId = `attempt-${ref.partition}-${ref.epoch}`;
      await reporter.start(ref, attemptId);
      started.push(ref.partition);
      const receipt = await staged(ref, found[ref.partition] ?? { ids: [] }, attemptId);
      const rowsSent = database?.sends[ref.partition];
      await reporter.succeed({ ...receipt, ...(rowsSent === undefined ? {} : { rowsSent }) });
    },
    drain: async () => {},
    close: async () => {},
  };
}

async function staged(ref: PartitionRef, rows: PartitionRows, attemptId: string): Promise<Receipt> {
  return { ...(await stagePartition(target, run, ref.partition, rows, attemptId)), ref };
}

it("publishes every partition's rows, and the ledger knows", async () => {
  expect(await execute(whole)).toContain("run.published");
  expect(Object.values(readOutput(target.to)).flat()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(await coordinator.ledger.readRun(run.id)).toMatchObject({ status: "published", publication: 1 });
});

it("releases what it kept of the input before it publishes: the sink may have to wait for that", async () => {
  let isPublished: boolean | null = null;
  const keeper: InputKeeper = {
    isLasting: false,
    keep: async (_, { partitions }) => ({
      partitions,
      release: async () => {
        isPublished ??= existsSync(target.to);
      },
    }),
    forget: async () => {},
    collect: async () => ({ removed: [], bytes: 0 }),
  };
  await execute(whole, undefined, undefined, undefined, keeper);
  expect(started).toEqual([0, 1, 2]);
  expect(isPublished).toBe(false);
});

it("publishes nothing when the receipts hold fewer rows than the plan found", async () => {
  const lossy = [{ ids: [1, 2, 3] }, { ids: [4, 5] }, { ids: [7, 8, 9] }];
  await expect(execute(lossy)).rejects.toMatchObject({
    code: "bug.conservation",
    message: expect.stringContaining("9 in the inputs' footers, 8 read"),
  });
  expect(existsSync(target.to)).toBe(false);
  expect(await coordinator.ledger.readRun(run.id)).toMatchObject({
    status: "failed",
    error: { code: "bug.conservation" },
  });
});

it("counts on what the database says it sent where the plan has only an estimate", async () => {
  const found = [{ ids: [1, 2, 3, 4, 5] }, { ids: [6] }];
  expect(await execute(found, undefined, { sends: [5, 1] })).toContain("run.published");
  expect(Object.values(readOutput(target.to)).flat()).toEqual([1, 2, 3, 4, 5, 6]);
});

it.each([
  [[5, 2], "7 sent by the database, 6 read"],
  [[5], "an unknown number sent by the database, 6 read"],
])("publishes nothing when the database sent %j rows and others arrived", async (sends, told) => {
  await expect(execute([{ ids: [1, 2, 3, 4, 5] }, { ids: [6] }], undefined, { sends })).rejects.toMatchObject(
    {
      code: "bug.conservation",
      message: expect.stringContaining(told),
    },
  );
  expect(existsSync(target.to)).toBe(false);
});

const failing: readonly PartitionRows[] = [
  { ids: [1, 2], quarantined: [2] },
  { ids: [4, 5], quarantined: [5] },
  { ids: [7, 8, 9] },
];

it("starts nothing more once the partitions together overspend the error budget", async () => {
  await expect(execute(failing, strict)).rejects.toMatchObject({ code: "data.too-many-errors" });
  expect(started).toEqual([0, 1]);
  expect(existsSync(target.to)).toBe(false);
});

it("judges the gates before publication begins: a run that they refuse never was publishing", async () => {
  const { ledger } = coordinator;
  let began = 0;
  coordinator = {
    ...coordinator,
    ledger: {
      ...ledger,
      beginPublish: async (claim) => {
        began += 1;
        return ledger.beginPublish(claim);
      },
    },
  };
  const once = failing.slice(0, 2);
  await expect(execute(once, strict)).rejects.toMatchObject({ code: "data.too-many-errors" });
  await expect(execute(once, strict)).rejects.toMatchObject({ code: "data.too-many-errors" });
  expect(began).toBe(0);
  expect(await ledger.readRun(run.id)).toMatchObject({ status: "failed", accepted: { partitions: 2 } });
});

it("publishes no overspent run when it is resumed with nothing left to do", async () => {
  const overspent = failing.slice(0, 2);
  await expect(execute(overspent, strict)).rejects.toMatchObject({ code: "data.too-many-errors" });
  await expect(execute(overspent, strict)).rejects.toMatchObject({ code: "data.too-many-errors" });
  expect(started).toEqual([0, 1]);
  expect(existsSync(target.to)).toBe(false);
});

it("adopts an abort that came first", async () => {
  await sinkFor(target, "replace").abort(run);
  await expect(execute(whole)).rejects.toMatchObject({ code: "infra.aborted" });
  expect(existsSync(target.to)).toBe(false);
});

it("completes a run whose publication was decided before its owner died, and does nothing again", async () => {
  const { ledger, owner } = coordinator;
  const claim = await ledger.claimRun(run.id, owner, { takeOver: false });
  const { plan, partitions } = planOf(1);
  await ledger.savePlan(
    claim,
    plan,
    (async function* () {
      yield* partitions;
    })(),
  );
  const ref = await ledger.leasePartition(claim, 0);
  await ledger.startAttempt(ref, "attempt");
  await ledger.acceptReceipt(await staged(ref, whole[0] ?? { ids: [] }, "attempt"));
  const receipts = await ledger.beginPublish(claim);
  await sinkFor(target, "replace").publish(run, plan.fingerprint, receipts);
  await ledger.releaseRun(claim);

  expect(await execute(whole.slice(0, 1))).toContain("run.published");
  expect(started).toEqual([]);
  expect(await ledger.readRun(run.id)).toMatchObject({ status: "published", publication: 1 });
});

it("asks each receipt once for its errors, however many there are", async () => {
  const found = Array.from({ length: 12 }, (_, index) => ({
    ids: [3 * index, 3 * index + 1, 3 * index + 2],
  }));
  let asked = 0;
  const counted = (receipt: Receipt): Receipt =>
    Object.defineProperty({ ...receipt }, "reasons", {
      get() {
        asked += 1;
        return receipt.reasons;
      },
    });
  await execute(found, strict, undefined, (outcome) =>
    outcome.type === "accepted" ? { ...outcome, receipt: counted(outcome.receipt) } : outcome,
  );
  expect(asked).toBe(found.length);
});
