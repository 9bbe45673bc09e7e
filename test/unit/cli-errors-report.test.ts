import { expect, test } from "vitest";
import { modelJob } from "../../src/cli/lookup/model-job.js";
import { reportText } from "../../src/cli/output/error-report-text.js";
import { makePaint } from "../../src/cli/output/paint.js";
import type { PartitionState } from "../../src/job/partition.js";
import type { RunState } from "../../src/job/run.js";
import { groupReasons, quarantinedRow } from "../../src/service/error-report.js";

const stats = {
  seconds: { read: 0, hook: 0, bind: 0, predict: 0, attach: 0, write: 0, stage: 0 },
  bytesRead: 0,
  bytesWritten: 0,
};

function accepted(index: number, reasons: { readonly [code: string]: number }): PartitionState {
  const rows = { read: 100, predicted: 90, quarantined: 10, filtered: 0 };
  return {
    ...{
      index,
      status: "accepted",
      epoch: 1,
      attemptId: "a",
      attempts: 0,
      soloDeaths: 0,
      rows: 100,
      lastError: null,
    },
    receipt: {
      ref: { runId: "r1", partition: index, epoch: 1 },
      attemptId: "a",
      files: [],
      quarantine: [],
      rows,
      reasons,
      stats,
    },
  };
}

const columns = ["flight_id", "file", "row_number", "reason", "message"];
const rows = [
  [7, "/w/data/a.parquet", 12, "null_value", "distance is null"],
  [8, "/w/data/a.parquet", 1013, "null_value", "distance is null"],
  [9, "/w/data/b.parquet", 0, "predict_failed", "the model fails on this row"],
].map((row) => quarantinedRow(columns, row));

const partitions = [
  accepted(0, { null_value: 3 }),
  accepted(1, {}),
  accepted(2, { null_value: 5, predict_failed: 2 }),
];

test("reasons are counted by the receipts, the worst first, with rows as samples", () => {
  expect(groupReasons(partitions, rows, 1)).toEqual([
    {
      reason: "null_value",
      rows: 8,
      partitions: [
        { partition: 0, rows: 3 },
        { partition: 2, rows: 5 },
      ],
      samples: [rows[0]],
    },
    { reason: "predict_failed", rows: 2, partitions: [{ partition: 2, rows: 2 }], samples: [rows[2]] },
  ]);
});

test("the report names reason, partition, key, file and row, and partitions that failed", () => {
  const state: RunState = {
    run: {
      ...{ id: "r1", jobName: "flight-delay", specPath: null, target: "/w/out", trigger: "cli" },
      key: { jobId: "j", scope: "s", generation: 1 },
      interval: null,
      job: modelJob("m.onnx", ["data"], { to: "out", overwrite: false }, {}, "/w"),
      guess: false,
      createdAt: "2026-01-15T02:15:00.000Z",
    },
    ...{
      status: "failed",
      fingerprint: "f",
      totals: null,
      provider: null,
      reasons: {},
      stats,
      publication: null,
      owner: null,
    },
    accepted: { partitions: 3, rows: { read: 300, predicted: 290, quarantined: 10, filtered: 0 } },
    error: { kind: "data", code: "run.failed", message: "1 partition failed", retryable: false, details: {} },
    ...{ startedAt: "2026-01-15T02:15:00.000Z", updatedAt: "2026-01-15T02:15:00.000Z" },
  };
  const error = {
    kind: "data",
    code: "data.corrupt",
    message: "data/c.parquet, row group 3",
    retryable: false,
    details: {},
  } as const;
  const report = {
    state,
    reasons: groupReasons(partitions, rows, 1),
    failures: [{ partition: 3, status: "failed", attempts: 3, error }],
    quarantineFiles: ["/w/out.quarantine/r1/part-0.parquet"],
    quarantineTable: null,
  } as const;
  expect(reportText(report, "/w", { width: null, paint: makePaint(false) })).toBe(
    `flight-delay, run r1 (failed): 10 of 300 rows went wrong, 1 partition with errors

reason          rows  in partitions
null_value         8  2 (5), 0 (3)
predict_failed     2  2 (2)

reason          flight_id  file            row  what
null_value      7          data/a.parquet   12  distance is null
predict_failed  9          data/b.parquet    0  the model fails on this row

partition  status  attempts  last error
        3  failed         3  data.corrupt: data/c.parquet, row group 3

run failed  1 partition failed

all quarantined rows: out.quarantine/r1/`,
  );
});
