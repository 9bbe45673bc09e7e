/** The guards of a ledger in memory, and a record of what would have gone wrong: see simulated-fleet.ts. */
import { InfraError, toErrorRecord } from "../../src/errors.js";
import type { AttemptFailure, PartitionRef, PartitionState, Receipt } from "../../src/job/partition.js";
import type { Claim } from "../../src/job/run.js";
import type { SharedLedger } from "../../src/ledgers/ledger.js";
import { claimLost, illegal } from "../../src/ledgers/refusals.js";
import { aPartition, aPlan, aRun } from "./runs.js";
import type { SimulatedProcess } from "./simulation.js";

type Row = { -readonly [field in keyof PartitionState]: PartitionState[field] } & {
  leaseUntilMs: number | null;
};

export interface SimulatedLedger {
  /** As one process sees it. */
  seenBy(process: SimulatedProcess): SharedLedger;
  claim(): Claim;
  /** The claim that an attempt was started under. */
  claimOf(attemptId: string): number;
  readonly rows: readonly PartitionState[];
  /** `<partition>/<epoch>`, in order. */
  readonly starts: readonly string[];
  readonly acceptances: readonly string[];
}

/** Faults that a test plants, to see that they are noticed. */
export interface LedgerFaults {
  readonly takesAnyReceipt?: true;
}

export function simulatedLedger(
  nowMs: () => number,
  partitions: number,
  faults: LedgerFaults = {},
): SimulatedLedger {
  const runId = "run";
  const base = aPlan(partitions);
  const limits = { ...base.job.limits, maxAttempts: 1_000 };
  const plan = { ...base, job: { ...base.job, limits } };
  const starts: string[] = [];
  const acceptances: string[] = [];
  const claims = new Map<string, number>();
  let coordinatorEpoch = 0;
  const rows: Row[] = Array.from({ length: partitions }, (_, index) => ({
    index,
    status: "pending",
    epoch: 0,
    attemptId: null,
    attempts: 0,
    soloDeaths: 0,
    rows: aPartition(index).rows,
    receipt: null,
    lastError: null,
    leaseUntilMs: null,
  }));

  function at(partition: number): Row {
    const row = rows[partition];
    if (row === undefined) throw new Error(`no partition ${partition}`);
    return row;
  }

  const isCurrent = (row: Row, { epoch }: PartitionRef): boolean => row.epoch === epoch;

  function owned(claim: Claim): void {
    if (claim.coordinatorEpoch !== coordinatorEpoch) throw claimLost(runId);
  }

  function putBack(row: Row): void {
    row.status = "pending";
    row.attemptId = null;
    row.leaseUntilMs = null;
  }

  const serve = {
    leasePartition(claim: Claim, partition: number): PartitionRef {
      owned(claim);
      const row = at(partition);
      if (row.status !== "pending")
        throw illegal(runId, `lease partition ${partition}`, `it is ${row.status}`);
      row.status = "leased";
      row.epoch += 1;
      return { runId, partition, epoch: row.epoch };
    },
    startLeased(ref: PartitionRef, attemptId: string, leaseMs: number) {
      const row = at(ref.partition);
      if (row.status !== "leased" || !isCurrent(row, ref)) return "fenced" as const;
      claims.set(attemptId, coordinatorEpoch);
      starts.push(`${ref.partition}/${ref.epoch}`);
      row.status = "running";
      row.attemptId = attemptId;
      row.leaseUntilMs = nowMs() + leaseMs;
      return "started" as const;
    },
    renewAttempt(ref: PartitionRef, attemptId: string, leaseMs: number) {
      const row = at(ref.partition);
      if (row.status !== "running" || !isCurrent(row, ref) || row.attemptId !== attemptId)
        return "fenced" as const;
      row.leaseUntilMs = nowMs() + leaseMs;
      return "renewed" as const;
    },
    acceptReceipt(receipt: Receipt) {
      const { ref, attemptId } = receipt;
      const row = at(ref.partition);
      const isIts = row.attemptId === attemptId && isCurrent(row, ref);
      if (!isIts && faults.takesAnyReceipt !== true) return "fenced" as const;
      if (row.status === "accepted") return "accepted" as const;
      if (row.status !== "running") return "fenced" as const;
      row.status = "accepted";
      row.receipt = receipt;
      acceptances.push(`${ref.partition}/${ref.epoch}`);
      return "accepted" as const;
    },
    recordFailure(ref: PartitionRef, { attemptId, cost, error, next }: AttemptFailure) {
      const row = at(ref.partition);
      const isIts = row.status === "leased" || (row.status === "running" && row.attemptId === attemptId);
      if (!isIts || !isCurrent(row, ref)) return "fenced" as const;
      putBack(row);
      row.status = next;
      if (cost === "fault") row.attempts += 1;
      if (cost === "solo-death") row.soloDeaths += 1;
      if (cost !== "released") row.lastError = error;
      if (cost !== "released") row.expiries = 0;
      return "recorded" as const;
    },
    expireLeases(claim: Claim, maxExpiries = Number.POSITIVE_INFINITY): number {
      owned(claim);
      const over = rows.filter(
        ({ status, leaseUntilMs }) => status === "running" && leaseUntilMs !== null && leaseUntilMs < nowMs(),
      );
      for (const row of over) {
        putBack(row);
        row.expiries = (row.expiries ?? 0) + 1;
        if (row.expiries >= maxExpiries) row.status = "poisoned";
        row.lastError = toErrorRecord(new InfraError("infra.lease-expired", "over"));
      }
      return over.length;
    },
  };

  return {
    rows,
    starts,
    acceptances,
    claimOf: (attemptId) => claims.get(attemptId) ?? 0,
    claim() {
      coordinatorEpoch += 1;
      for (const row of rows) if (row.status === "leased" || row.status === "running") putBack(row);
      return { runId, coordinatorEpoch };
    },
    seenBy: ({ ask }) =>
      ({
        leasePartition: (claim, partition) => ask(() => serve.leasePartition(claim, partition)),
        startLeased: (ref, attemptId, leaseMs) => ask(() => serve.startLeased(ref, attemptId, leaseMs)),
        renewAttempt: (ref, attemptId, leaseMs) => ask(() => serve.renewAttempt(ref, attemptId, leaseMs)),
        acceptReceipt: (receipt) => ask(() => serve.acceptReceipt(receipt)),
        recordFailure: (ref, failure) => ask(() => serve.recordFailure(ref, failure)),
        expireLeases: (claim, maxExpiries) => ask(() => serve.expireLeases(claim, maxExpiries)),
        reviveFailed: async () => 0,
        noteWorker: async () => undefined,
        forgetWorker: async () => undefined,
        listWorkers: async () => [],
        loadTask: (ref) => ask(() => ({ run: aRun(runId), ref, plan, partition: aPartition(ref.partition) })),
        readPartition: (_, partition) => ask(() => ({ ...at(partition) })),
        readPartitions: (_, wanted) => ask(() => wanted.map((partition) => ({ ...at(partition) }))),
        readChanged: (_, known) =>
          ask(() =>
            known
              .map((each) => ({ each, row: { ...at(each.index) } }))
              .filter(({ each, row }) => each.epoch !== row.epoch || each.status !== row.status)
              .map(({ row }) => row),
          ),
        async *listPartitions() {
          yield* await ask(() => rows.map((row) => ({ ...row })));
        },
      }) satisfies Partial<SharedLedger> as unknown as SharedLedger,
  };
}
