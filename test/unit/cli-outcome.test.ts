import { expect, test } from "vitest";
import { modelJob } from "../../src/cli/lookup/model-job.js";
import { makePaint } from "../../src/cli/output/paint.js";
import { outcomeExit } from "../../src/cli/running/outcome-exit.js";
import { outcomeText } from "../../src/cli/running/outcome-text.js";
import { chooseProgress } from "../../src/cli/running/progress.js";
import { BugError, DataError, InfraError, ModelError, SpecError } from "../../src/errors.js";
import type { RunOutcome } from "../../src/running/run-request.js";

const outcome: RunOutcome = {
  run: {
    id: "r1",
    key: { jobId: "/data/out", scope: "f", generation: 1 },
    jobName: "m",
    specPath: null,
    target: "/data/out",
    trigger: "cli",
    interval: null,
    job: modelJob("m.onnx", ["data"], { to: "out", overwrite: false }, {}, "/data"),
    guess: true,
    createdAt: "2026-01-15T02:15:00.000Z",
  },
  status: "published",
  rows: { read: 3_000_000, predicted: 2_999_990, quarantined: 10, filtered: 0 },
  reasons: { predict_failed: 2, null_value: 8 },
  stats: {
    seconds: { read: 1, hook: 0, bind: 1, predict: 7, attach: 0.001, write: 1, stage: 0 },
    bytesRead: 14e6,
    bytesWritten: 45.2e6,
  },
  provider: "cpu",
  publication: 3,
  seconds: 2.5,
  error: null,
  warning: null,
};

const view = {
  outcome,
  rowsScored: 3_000_000,
  write: { kind: "files", to: "/data/out", shape: "directory", mode: "error", partitionBy: [], add: {} },
  published: {
    files: [{ path: "/data/out/part-0.parquet", rows: 2_999_990, bytes: 45.2e6, sha256: "" }],
    quarantine: ["/data/out.quarantine/r1/part-0.parquet"],
  },
  cwd: "/data",
  program: "nightshift",
  verbose: false,
} as const;

const rules = { quarantineExitZero: false, interruptedBy: null };

test.each([
  ["published", {}, 4],
  ["published", { rows: { ...outcome.rows, quarantined: 0 } }, 0],
  ["already-published", {}, 0],
  ["skipped", {}, 0],
  ["cancelled", {}, 130],
  ["failed", { error: null }, 1],
  ["failed", { error: new DataError("data.corrupt", "x") }, 1],
  ["failed", { error: new InfraError("infra.disk-full", "x") }, 1],
  ["failed", { error: new InfraError("infra.unreachable", "x") }, 3],
  ["failed", { error: new InfraError("infra.host-deadline", "x") }, 1],
  ["failed", { error: new InfraError("infra.io", "x") }, 1],
  ["failed", { error: new SpecError("refused.target-exists", "x") }, 2],
  ["failed", { error: new BugError("bug", "x") }, 70],
] as const)("%s with %j exits %i", (status, more, code) => {
  expect(outcomeExit({ ...outcome, ...more, status }, rules)).toBe(code);
});

test("quarantined rows can be expected, and SIGTERM is distinguished from Ctrl-C", () => {
  expect(outcomeExit(outcome, { ...rules, quarantineExitZero: true })).toBe(0);
  expect(outcomeExit({ ...outcome, status: "cancelled" }, { ...rules, interruptedBy: "SIGTERM" })).toBe(143);
});

test("a published run shows that no row was lost, where it is, and what to look at", () => {
  expect(outcomeText(view, makePaint(false))).toBe(`published to out/ (publication 3)

rows in     3,000,000 = 2,999,990 predicted + 10 quarantined + 0 filtered
speed       1.20 M rows/s, 2.50 s
output      out/ (1 file, 45.2 MB)
quarantine  out.quarantine/r1/
            10 rows: 8 null_value, 2 predict_failed
next        nightshift errors r1`);
});

test("rows that were published without a prediction are counted in the summary", () => {
  const nulled = {
    ...outcome,
    rows: { read: 100, predicted: 100, quarantined: 0, filtered: 0 },
    reasons: { predict_failed: 2, null_value: 8 },
  };
  const lines = outcomeText({ ...view, outcome: nulled }, makePaint(false)).split("\n");
  expect(lines.slice(-2)).toEqual([
    "nulls    10 rows with null predictions: 8 null_value, 2 predict_failed",
    "next     nightshift errors r1",
  ]);
});

test("a resumed run's speed counts what this process did", () => {
  const text = (rowsScored: number) => outcomeText({ ...view, rowsScored }, makePaint(false)).split("\n")[3];
  expect(text(1_000_000)).toBe("speed       400 k rows/s, 2.50 s for the 1,000,000 rows that were left");
  expect(text(0)).toBe("time        2.50 s");
});

test("verbose shows where the threads' time went", () => {
  expect(outcomeText({ ...view, verbose: true }, makePaint(false))).toContain(
    "thread time  read 10%, bind 10%, predict 70%, write 10%; 14.0 MB read, 45.2 MB written",
  );
});

test("an interrupted run says what is kept and how to continue", () => {
  const text = outcomeText(
    { ...view, published: null, outcome: { ...outcome, status: "cancelled", publication: null } },
    makePaint(false),
  );
  expect(text).toBe(`interrupted: 3,000,000 rows are scored and kept; nothing was published

next  nightshift retry r1`);
});

const failedWith = (error: RunOutcome["error"], specPath: string | null = "/data/jobs/m.yaml") => {
  const run = outcome.run === null ? null : { ...outcome.run, specPath };
  const failed = { ...outcome, run, status: "failed", publication: null, error } as const;
  return outcomeText({ ...view, published: null, outcome: failed }, makePaint(false));
};

test.each([
  new DataError("source.changed", "x"),
  new DataError("data.too-many-errors", "x"),
  new DataError("data.key-twice", "x"),
  new ModelError("model.predict-failed", "x"),
  new SpecError("hook.failed", "x"),
  new SpecError("refused.target-exists", "x"),
  new InfraError("infra.staged-missing", "x"),
  new InfraError("infra.host-deadline", "x"),
  new DataError("data.partition-poisoned", "x", { details: { cause: "file-or-model" } }),
])("after $code a run is not offered again: its plan keeps it from succeeding", (error) => {
  expect(failedWith(error)).toBe("\nnext  nightshift errors r1\n      nightshift run jobs/m.yaml --restart");
  expect(failedWith(error, null)).not.toContain("retry");
});

test.each([
  new DataError("source.not-found", "x"),
  new DataError("data.constraint", "x"),
  new ModelError("model.changed", "x"),
  new SpecError("refused.foreign-output", "x"),
  new SpecError("refused.target-altered", "x"),
  new InfraError("infra.disk-full", "x"),
  new InfraError("infra.connection-lost", "x"),
  new InfraError("infra.published-file-damaged", "x"),
  new DataError("data.partition-poisoned", "x", { details: { cause: "memory" } }),
  new BugError("bug", "x"),
])("after $code retry finishes the run once the cause is put right", (error) => {
  expect(failedWith(error)).toBe("\nnext  nightshift errors r1\n      nightshift retry r1");
});

test.each([
  [{ progress: "auto", json: false, quiet: false }, true, "bar"],
  [{ progress: "auto", json: false, quiet: false }, false, "plain"],
  [{ progress: "auto", json: false, quiet: true }, true, "none"],
  [{ progress: "auto", json: true, quiet: false }, true, "events-on-stdout"],
  [{ progress: "none", json: true, quiet: false }, true, "none"],
  [{ progress: "json", json: false, quiet: false }, true, "events-on-stderr"],
  [{ progress: "plain", json: false, quiet: true }, true, "plain"],
] as const)("progress for %j, terminal %s, is %s", (wish, canAnimate, kind) => {
  expect(chooseProgress(wish, canAnimate)).toBe(kind);
});

test("labels that contradict their probabilities are a line of the summary, and no line if there are none of them", () => {
  const stats = { ...outcome.stats, contradictions: 496 };
  const paint = makePaint(false);
  expect(outcomeText({ ...view, outcome: { ...outcome, stats } }, paint)).toContain(
    "496 rows with a label that is not the most probable class",
  );
  expect(outcomeText(view, paint)).not.toContain("most probable");
});
