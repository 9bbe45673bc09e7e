import { expect, test } from "vitest";
import { modelJob } from "../../src/cli/lookup/model-job.js";
import { type PreviewFlags, parsePreview } from "../../src/cli/preview.js";
import { parseRun, type RunFlags } from "../../src/cli/run.js";
import { parseScore, type ScoreFlags } from "../../src/cli/score.js";
import { parseCommand } from "../support/parse-command.js";

/** Where no database is named, its settings are not looked at. */
const place = { cwd: "/data", target: null } as Parameters<typeof parsePreview>[2];

async function score(...argv: readonly string[]) {
  const command = await parseCommand("score", ...argv);
  return parseScore(command.args, command.opts<ScoreFlags>(), place);
}

test("score without options accepts no guess, keeps what is no feature, and refuses an existing output", async () => {
  expect(await score("models/Flight Delay.v2.onnx", "data/*.parquet", "more.parquet", "-o", "out/")).toEqual({
    job: {
      name: "flight-delay-v2",
      model: { path: "/data/models/Flight Delay.v2.onnx", externalData: [] },
      input: {
        kind: "files",
        from: ["/data/data/*.parquet", "/data/more.parquet"],
        key: [],
        onEmpty: "fail",
      },
      features: null,
      outputs: {},
      passthrough: { kind: "rest" },
      hooks: { pre: null, post: null },
      write: { kind: "files", to: "/data/out", shape: "directory", mode: "error", partitionBy: [], add: {} },
      interval: null,
      limits: {
        threads: "auto",
        partitionRows: "auto",
        maxAttempts: 3,
        partitionTimeoutMs: 1_800_000,
        memoryBytes: "auto",
      },
      rowPolicy: { onRowError: "fail", maxErrorRows: null, maxErrorFraction: null },
      engine: "auto",
      providers: ["cpu"],
    },
    kind: "score",
    specPath: null,
    trigger: "cli",
    guess: "offer",
    reprocess: false,
    restart: false,
    takeOver: false,
  });
});

test("every option of score reaches the request", async () => {
  const { job, ...request } = await score(
    ...["m.onnx", "/data/x.parquet", "-o", "/out/p.parquet", "--overwrite", "--restart", "--take-over"],
    ...["--accept-guess", "--key", "id,day", "--features", "a,b", "--features", "c", "--keep", "x,y"],
    ...["--provider", "cuda,cpu", "--external-data", "m,1.data", "--threads", "3", "--memory", "1.5GiB"],
    ...["--on-row-error", "quarantine", "--max-error-rows", "7", "--max-error-fraction", "0.01"],
  );
  expect(request).toMatchObject({ guess: true, reprocess: true, restart: true, takeOver: true });
  expect(job).toMatchObject({
    model: { externalData: ["/data/m,1.data"] },
    input: { key: ["id", "day"] },
    features: { list: ["a", "b", "c"] },
    passthrough: { kind: "columns", columns: ["x", "y"] },
    write: { to: "/out/p.parquet", shape: "file", mode: "replace" },
    limits: { threads: 3, memoryBytes: 1.5 * 1024 ** 3 },
    rowPolicy: { onRowError: "quarantine", maxErrorRows: 7, maxErrorFraction: 0.01 },
    providers: ["cuda", "cpu"],
  });
});

test.each([
  ["all", { kind: "all" }],
  ["none", { kind: "none" }],
  ["key", { kind: "columns", columns: ["id"] }],
])("--keep %s", async (keep, passthrough) => {
  const { job } = await score("m.onnx", "x.parquet", "-o", "out", "--key", "id", "--keep", keep);
  expect(job.passthrough).toEqual(passthrough);
});

test("--keep key without a key says what is missing", async () => {
  await expect(score("m.onnx", "x.parquet", "-o", "out", "--keep", "key")).rejects.toMatchObject({
    code: "usage.keep-without-key",
  });
});

test.each(["s3://lake/x.parquet", "gs://lake/x", "postgres://db/x"])(
  "%s is refused, not looked for here",
  (path) => {
    expect(() => modelJob("m.onnx", [path], { to: "out", overwrite: false }, {}, "/data")).toThrow(
      expect.objectContaining({ code: "usage.unsupported-scheme", message: expect.stringContaining(path) }),
    );
  },
);

test.each([
  ["--threads", "0"],
  ["--threads", "two"],
  ["--memory", "lots"],
  ["--memory", "0GB"],
  ["--max-error-rows", "-1"],
  ["--max-error-fraction", "1.5"],
  ["--max-error-fraction", ""],
  ["--on-row-error", "ignore"],
  ["--key", "a,,b"],
])("%s %j is refused", async (flag, value) => {
  await expect(score("m.onnx", "x.parquet", "-o", "out", flag, value)).rejects.toMatchObject({
    code: "commander.invalidArgument",
  });
});

test("run's flags reach the request", async () => {
  const command = await parseCommand(
    "run",
    "flight-delay",
    "--at",
    "2026-01-15",
    "--var",
    "a=1",
    "--var",
    "b=x=y",
    "--reprocess",
  );
  const flags = command.opts<RunFlags>();
  expect(flags).toMatchObject({ at: "2026-01-15", var: { a: "1", b: "x=y" } });
  expect(parseRun(flags)).toEqual({
    at: "2026-01-15",
    var: { a: "1", b: "x=y" },
    trigger: "cli",
    reprocess: true,
    restart: false,
    takeOver: false,
  });
});

test("preview of a model builds the same job as score", async () => {
  const command = await parseCommand("preview", "m.onnx", "x.parquet", "--key", "id", "--limit", "3");
  const request = await parsePreview(command.args, command.opts<PreviewFlags>(), place);
  const { job } = await score("m.onnx", "x.parquet", "--key", "id", "-o", "predictions");
  expect(request).toEqual({ job, guess: "offer", limit: 3 });
});

test.each([
  ["--max-error-rows", "5"],
  ["--max-error-fraction", "0.1"],
])("%s is refused where the first bad row fails the run", async (option, value) => {
  await expect(score("m.onnx", "x.parquet", "-o", "out", option, value)).rejects.toMatchObject({
    code: "usage.unused-budget",
    message: `${option} means nothing while the first bad row fails the run`,
  });
});

test.each([
  ["--features", "a"],
  ["--key", "a"],
  ["--keep", "all"],
  ["--engine", "onnxruntime"],
  ["--provider", "cpu"],
  ["--external-data", "w.bin"],
  ["--table", "t"],
])("preview of a job refuses %s, which would have no effect", async (option, value) => {
  const command = await parseCommand("preview", "flights", option, value);
  await expect(parsePreview(command.args, command.opts<PreviewFlags>(), place)).rejects.toMatchObject({
    code: "usage.model-option-of-a-job",
    message: `${option} belongs to models, and \`flights\` is a job, which says that itself`,
  });
});
