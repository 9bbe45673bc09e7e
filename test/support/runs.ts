/** Runs, plans and receipts for tests that don't care what is in them. */
import type { ErrorRecord } from "../../src/errors.js";
import type { AttemptFailure, PartitionRef, Receipt } from "../../src/job/partition.js";
import type { Plan } from "../../src/job/plan.js";
import { defaultWriterProfile } from "../../src/job/profile.js";
import type { Run } from "../../src/job/run.js";
import type { FilesPartition } from "../../src/sources/files/files-input.js";
import { jobWith } from "./jobs.js";

const aJob = jobWith({
  name: "flight-delay",
  key: ["flight_id"],
  passthrough: { kind: "none" },
  write: { to: "/out/scores", mode: "replace" },
});

export function aRun(id: string, overrides: Partial<Run> = {}): Run {
  return {
    id,
    key: { jobId: `job-of-${id}`, scope: "2026-01-15T00:00:00Z", generation: 1 },
    jobName: "flight-delay",
    specPath: "/jobs/flight-delay.yaml",
    target: "/out/scores",
    trigger: "cli",
    interval: { start: "2026-01-15T00:00:00Z", end: "2026-01-16T00:00:00Z", ds: "2026-01-15" },
    job: aJob,
    guess: false,
    createdAt: "2026-01-16T02:15:00.000Z",
    ...overrides,
  };
}

export const rowsPerPartition = 1000;

export function aPlan(partitions: number): Plan {
  return {
    version: 1,
    job: aJob,
    fingerprint: "f".repeat(64),
    assets: [{ role: "model", path: "/models/flight-delay.onnx", size: 10, sha256: "a".repeat(64) }],
    signature: { inputs: [], outputs: [], fixedBatch: null, metadata: {}, featureNames: null },
    inputSchema: [{ name: "flight_id", type: { kind: "int", bits: 64, signed: true }, nullable: false }],
    hooks: [],
    mapping: {
      inputs: [],
      outputs: [],
      passthrough: ["flight_id"],
      added: [],
      reads: ["flight_id"],
      columns: [],
      found: ["features by name: “distance”, “délai”"],
      warnings: [],
    },
    profile: {
      engine: "onnxruntime",
      engineVersion: "1.30.0",
      provider: "cpu",
      intraOpThreads: 1,
      chunkRows: 65_536,
      batchRows: 1024,
      writer: defaultWriterProfile,
    },
    threads: 2,
    totals: {
      files: partitions,
      partitions,
      rows: partitions * rowsPerPartition,
      bytes: partitions * 4096,
    },
    notes: ["threads were lowered to 2"],
  };
}

export async function* somePartitions(count: number): AsyncGenerator<FilesPartition> {
  for (let index = 0; index < count; index++) yield aPartition(index);
}

export function aPartition(index: number): FilesPartition {
  return {
    index,
    rows: rowsPerPartition,
    bytes: 4096,
    peakBytes: 4096,
    slices: [
      {
        file: {
          path: `/data/part-${index}.parquet`,
          size: 4096,
          inode: String(1000 + index),
          mtimeNs: "1768529700000000000",
          footerSha256: "b".repeat(64),
          rows: rowsPerPartition,
          pathValues: { dt: "2026-01-15" },
        },
        rowGroupStart: 0,
        rowGroupEnd: 1,
        firstRow: 0,
        rows: rowsPerPartition,
      },
    ],
  };
}

export function aReceipt(ref: PartitionRef, attemptId: string, quarantined = 0): Receipt {
  return {
    ref,
    attemptId,
    files: [
      {
        path: `${attemptId}/0.parquet.staged`,
        partitionValues: [],
        rows: rowsPerPartition - quarantined,
        bytes: 2048,
        sha256: "c".repeat(64),
      },
    ],
    quarantine: [],
    rows: { read: rowsPerPartition, predicted: rowsPerPartition - quarantined, quarantined, filtered: 0 },
    reasons: quarantined === 0 ? {} : { null_value: quarantined },
    stats: {
      seconds: { read: 0.5, hook: 0, bind: 0.25, predict: 1, attach: 0.125, write: 0.5, stage: 0.25 },
      bytesRead: 4096,
      bytesWritten: 2048,
    },
  };
}

export const anError: ErrorRecord = {
  kind: "data",
  code: "data.corrupt",
  message: "/data/part-0.parquet: row group 0 cannot be decoded",
  retryable: false,
  details: { file: "/data/part-0.parquet" },
};

export function aFailure(attemptId: string, overrides: Partial<AttemptFailure> = {}): AttemptFailure {
  return { attemptId, error: anError, cost: "fault", next: "pending", ...overrides };
}
