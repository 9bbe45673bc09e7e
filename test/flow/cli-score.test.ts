import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parquetWriteFile } from "hyparquet-writer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jsonLinesOf, nightshift, nightshiftWith } from "../support/nightshift.js";

const models = fileURLToPath(new URL("../../fixtures/models/", import.meta.url));
const model = `${models}flight-columns.onnx`;
const data = `${models}flight-columns.input.parquet`;
let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "nightshift-score-"));
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

test("score says what it found, proves that no row was lost, and where the output is", () => {
  const { status, stdout, stderr } = nightshift(
    cwd,
    "score",
    model,
    data,
    "-o",
    "out.parquet",
    "--key",
    "flight_id",
  );
  expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
  expect(stderr).toContain("hour (int64 [N, 1]) from hour");
  expect(stderr).toContain("rows in  913 = 913 predicted + 0 quarantined + 0 filtered\n");
  expect(stderr).toMatch(/output {3}out\.parquet \([\d.]+ kB\)\n/);
  expect(stderr).toContain("inspect out.parquet\n");
});

test("the same again is already published; another way to the same output needs --overwrite", () => {
  const again = nightshift(cwd, "score", model, data, "-o", "out.parquet", "--key", "flight_id");
  expect(again).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("already published to out.parquet"),
  });
  const other = ["score", model, data, "-o", "out.parquet", "--key", "flight_id", "--keep", "none"];
  expect(nightshift(cwd, ...other)).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("--overwrite"),
  });
  expect(nightshift(cwd, ...other, "--overwrite")).toMatchObject({ status: 0 });
  const { stdout } = nightshift(cwd, "inspect", "out.parquet", "--json");
  const { rows, columns } = JSON.parse(stdout).data;
  expect(rows).toBe(913);
  expect(columns.map((column: { name: string }) => column.name)).toEqual([
    "flight_id",
    "prediction",
    "probability_0",
    "probability_1",
  ]);
});

test("with --json stdout is the run's events, the outcome last", () => {
  const finished = nightshift(cwd, "score", model, data, "-o", "json/", "--json");
  const lines = jsonLinesOf(finished);
  expect(lines.map((line) => line.type)).toEqual(
    expect.arrayContaining(["run.started", "run.planned", "partition.accepted", "run.published"]),
  );
  expect(lines.at(-1)).toMatchObject({
    type: "run.outcome",
    status: "published",
    exitCode: 0,
    rowsScored: 913,
    rows: { read: 913, predicted: 913, quarantined: 0, filtered: 0 },
    output: join(cwd, "json"),
    files: [{ rows: 913 }],
  });
  expect(finished.stderr).toBe("");
});

test("with --json --progress none stdout is the outcome alone", () => {
  const { stdout } = nightshift(cwd, "score", model, data, "-o", "alone/", "--json", "--progress", "none");
  expect(JSON.parse(stdout)).toMatchObject({ type: "run.outcome", status: "published" });
});

test("--quiet says nothing when all is well", () => {
  expect(nightshift(cwd, "score", model, data, "-o", "quiet/", "-q")).toEqual({
    status: 0,
    stdout: "",
    stderr: "",
  });
});

test("quarantined rows exit 4, and errors names them by reason, key, file and row", () => {
  const rows = 1000;
  const numbers = Array.from({ length: rows }, (_, row) => row);
  const bad = join(cwd, "bad.parquet");
  parquetWriteFile({
    filename: bad,
    columnData: [
      { name: "flight_id", data: numbers.map((row) => BigInt(row * 10)), type: "INT64" },
      { name: "distance", data: numbers.map(Number), type: "DOUBLE" },
      {
        name: "hour",
        data: numbers.map((row) => (row % 100 === 7 ? null : BigInt(row % 24))),
        type: "INT64",
      },
      { name: "origin", data: numbers.map(() => "ATL"), type: "STRING" },
      { name: "destination", data: numbers.map(() => "MSY"), type: "STRING" },
    ],
  });
  const score = ["score", model, bad, "--key", "flight_id", "--on-row-error", "quarantine"];
  const scored = nightshift(cwd, ...score, "-o", "bad/");
  expect(scored.status).toBe(4);
  expect(scored.stderr).toContain("rows in     1,000 = 990 predicted + 10 quarantined + 0 filtered\n");
  expect(scored.stderr).toContain("10 rows: 10 null_value\n");

  const errors = nightshift(cwd, "errors", "--json", "--sample", "2");
  expect(JSON.parse(errors.stdout)).toMatchObject({
    status: "published",
    reasons: [
      {
        reason: "null_value",
        rows: 10,
        samples: [
          { file: bad, row: 7, key: { flight_id: 70 }, message: expect.stringContaining("hour") },
          { file: bad, row: 107, key: { flight_id: 1070 } },
        ],
      },
    ],
  });
  expect(nightshift(cwd, ...score, "-o", "expected/", "--quarantine-exit-zero").status).toBe(0);

  const failed = nightshift(cwd, "score", model, bad, "--key", "flight_id", "-o", "failed/");
  expect(failed).toMatchObject({
    status: 1,
    stdout: "",
    stderr: expect.stringMatching(
      /--nulls hour=[\s\S]*next {2}.* errors .*\n {6}the same command with --restart/,
    ),
  });
  expect(existsSync(join(cwd, "failed"))).toBe(false);
});

test("preview shows predictions and writes nothing", () => {
  const { status, stdout } = nightshift(
    cwd,
    "preview",
    model,
    data,
    "--limit",
    "2",
    "--keep",
    "none",
    "--json",
  );
  expect(status).toBe(0);
  const { columns, rows } = JSON.parse(stdout);
  expect(columns).toEqual(["prediction", "probability_0", "probability_1"]);
  expect(rows).toHaveLength(2);
  expect(existsSync(join(cwd, "predictions"))).toBe(false);
});

test("inspect shows a model's tensors and a command that can be pasted", () => {
  const { status, stdout } = nightshift(cwd, "inspect", model, data);
  expect(status).toBe(0);
  expect(stdout).toMatch(/input +distance +float32 +\[\?, 1\]/);
  expect(stdout).toContain("flight-columns.input.parquet -o predictions/\n");
  expect(stdout).toMatch(/flight_id +int64/);
});

test("files prints live paths that exist, and errors where nothing is", () => {
  const { stdout } = nightshift(cwd, "files", "json/");
  const paths = stdout.trimEnd().split("\n");
  expect(paths).toHaveLength(1);
  for (const path of paths) expect(existsSync(path)).toBe(true);
});

test("an output outside of NIGHTSHIFT_OUTPUT_ROOT is refused", () => {
  const allowed = { NIGHTSHIFT_OUTPUT_ROOT: join(cwd, "allowed") };
  const { status, stderr } = nightshiftWith(allowed, cwd, "score", model, data, "-o", "elsewhere/");
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringContaining("NIGHTSHIFT_OUTPUT_ROOT"),
  });
  expect(nightshiftWith(allowed, cwd, "score", model, data, "-o", "allowed/x/").status).toBe(0);
});

test("an input is never overwritten, and predictions are never scored as input", () => {
  mkdirSync(join(cwd, "own"));
  copyFileSync(data, join(cwd, "own/data.parquet"));
  const before = readFileSync(join(cwd, "own/data.parquet"));
  for (const output of ["own/data.parquet", "own"]) {
    const refused = nightshift(cwd, "score", model, "own/data.parquet", "-o", output, "--overwrite");
    expect(refused).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("is an input, and lies in the output"),
    });
  }
  expect(readFileSync(join(cwd, "own/data.parquet")).equals(before)).toBe(true);
});
