/** Predictions beside the training library's own: `check` of a job, which a run must pass, and `preview --expect`. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { Float32, Float64, Int64, type Vector, vectorFromArray } from "apache-arrow";
import { beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { comparedOnce } from "../../src/cli/init/compared-once.js";
import { openPrompt } from "../../src/cli/init/prompt.js";
import { modelJob } from "../../src/cli/lookup/model-job.js";
import { makePaint } from "../../src/cli/output/paint.js";
import type { Job } from "../../src/job/job.js";
import { comparedWith, planOf } from "../support/case-jobs.js";
import { nightshift } from "../support/nightshift.js";
import { model, modelBytes, node, types, value } from "../support/onnx-models.js";
import { type Columns, writeParquet } from "../support/parquet-rows.js";
import { scratch } from "../support/scratch.js";

const rows = 60;
const a = Array.from({ length: rows }, (_, row) => (row % 11) - 5);
const b = Array.from({ length: rows }, (_, row) => (row % 7) / 2 - 1);
/** A row of coefficients for each of three classes, and what a careless export makes of them. */
const weights = [0.5, -0.25, -0.5, 0.75, 0.125, 0.25];
const swapped = [0.5, -0.25, -0.5, 0.75, 0.25, 0.125];

let folder: string;

function classifier(coefficients: readonly number[]): Uint8Array {
  const graph = model({
    input: [value("x", types.FLOAT, ["N", 2])],
    output: [value("label", types.INT64, ["N"]), value("scores", types.FLOAT, ["N", 3])],
    node: [
      node({
        ml: true,
        op: "LinearClassifier",
        in: ["x"],
        out: ["label", "scores"],
        with: {
          coefficients,
          intercepts: [0, 0, 0],
          classlabels_ints: [10n, 20n, 30n],
          post_transform: "SOFTMAX",
        },
      }),
    ],
  });
  return modelBytes(graph);
}

/** The same computed here, in float64. */
function probabilities(row: number): readonly number[] {
  const [x, y] = [a[row] ?? 0, b[row] ?? 0];
  const powers = [0, 1, 2].map((k) => Math.exp((weights[2 * k] ?? 0) * x + (weights[2 * k + 1] ?? 0) * y));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

function labelOf(row: number): bigint {
  const scores = probabilities(row);
  return BigInt(10 * (scores.indexOf(Math.max(...scores)) + 1));
}

const every = Array.from({ length: rows }, (_, row) => row);
const ids = (): Vector => vectorFromArray(every.map(BigInt), new Int64());
// Types are pandas' own, not the input's.
const features = (): Columns => ({
  a: vectorFromArray(a.map(BigInt), new Int64()),
  b: vectorFromArray(b, new Float64()),
});
const expected = (): Columns => ({
  prediction: vectorFromArray(every.map(labelOf), new Int64()),
  ...Object.fromEntries(
    [10, 20, 30].map((label, place) => [
      `probability_${label}`,
      vectorFromArray(
        every.map((row) => probabilities(row)[place] ?? 0),
        new Float64(),
      ),
    ]),
  ),
});

async function put(name: string, columns: Columns): Promise<string> {
  writeFileSync(join(folder, name), await writeParquet(columns));
  return join(folder, name);
}

function jobOn(modelFile: string, check?: string): Job {
  const flags = { key: ["id"], features: ["a", "b"], keep: "none" };
  const job = modelJob(modelFile, ["in.parquet"], { to: "out.parquet", overwrite: false }, flags, folder);
  return check === undefined ? job : { ...job, check: { file: join(folder, check), tolerance: 1e-5 } };
}

beforeAll(async () => {
  folder = scratch();
  writeFileSync(join(folder, "right.onnx"), classifier(weights));
  writeFileSync(join(folder, "wrong.onnx"), classifier(swapped));
  await put("in.parquet", {
    id: ids(),
    a: vectorFromArray(a, new Float32()),
    b: vectorFromArray(b, new Float32()),
  });
  await put("check.parquet", { ...features(), ...expected() });
  await put("expected.parquet", { id: ids(), ...expected() });
});

it("an export that is right passes its check, which the plan pins and shows", async () => {
  const plan = await planOf(jobOn("right.onnx", "check.parquet"));
  expect(plan.assets.map(({ role }) => role)).toEqual(["model", "check"]);
  expect(plan.check).toMatchObject({ rows, tolerance: 1e-5 });
  expect(plan.check?.columns.map(({ column, different }) => [column, different])).toEqual([
    ["prediction", 0],
    ["probability_10", 0],
    ["probability_20", 0],
    ["probability_30", 0],
  ]);
  const [label, ...scores] = plan.check?.columns ?? [];
  expect(label?.worst).toBeNull();
  for (const { worst } of scores) expect(worst).toBeLessThan(1e-6);
});

it("other contents of the check are another run; its place is not", async () => {
  const first = await planOf(jobOn("right.onnx", "check.parquet"));
  await put("moved.parquet", { ...features(), ...expected() });
  expect((await planOf(jobOn("right.onnx", "moved.parquet"))).fingerprint).toBe(first.fingerprint);
  const { prediction, ...scores } = expected();
  await put("less.parquet", { ...features(), ...scores });
  const fewer = await planOf(jobOn("right.onnx", "less.parquet"));
  expect(prediction).toBeDefined();
  expect(fewer.fingerprint).not.toBe(first.fingerprint);
  expect((await planOf(jobOn("right.onnx"))).fingerprint).not.toBe(first.fingerprint);
});

it("a wrong export is refused before anything is published, by column, rows and size", () => {
  const spec = (modelFile: string) => ({
    ...{ version: 1, name: "checked", model: modelFile, input: { from: "in.parquet", key: ["id"] } },
    features: { x: { stack: ["a", "b"] } },
    check: { file: "check.parquet", tolerance: 1e-5 },
    write: { to: "published" },
  });
  writeFileSync(join(folder, "job.yaml"), JSON.stringify(spec("wrong.onnx")));
  const refused = nightshift(folder, "run", "job.yaml", "--json");
  expect({ status: refused.status, stderr: refused.stderr }).toMatchObject({ status: 2 });
  const { error } = JSON.parse(refused.stderr.trimEnd().split("\n").at(-1) ?? "");
  expect(error.code).toBe("refused.check-failed");
  const scores = error.details.columns.find((each: { column: string }) => each.column === "probability_30");
  expect(scores.different).toBeGreaterThan(rows / 2);
  expect(scores.worst).toBeGreaterThan(0.01);
  expect(scores.firstRows[0]).toBeGreaterThanOrEqual(0);
  expect(existsSync(join(folder, "published"))).toBe(false);

  writeFileSync(join(folder, "job.yaml"), JSON.stringify(spec("right.onnx")));
  const validated = nightshift(folder, "validate", "job.yaml");
  expect(validated.stdout).toContain("check.parquet");
});

it("labels of rows whose best scores tie may differ, others may not", async () => {
  const { prediction: _prediction, ...scores } = expected();
  const labels = every.map(labelOf);
  // a = 0 and b = 0: all classes are equally probable.
  const tied = every.filter((row) => a[row] === 0 && b[row] === 0);
  expect(tied.length).toBeGreaterThan(0);
  for (const row of tied) labels[row] = 30n;
  await put("ties.parquet", { ...features(), ...scores, prediction: vectorFromArray(labels, new Int64()) });
  const plan = await planOf(jobOn("right.onnx", "ties.parquet"));
  expect(plan.check?.columns.find(({ column }) => column === "prediction")).toMatchObject({
    different: 0,
    ties: tied.length,
  });
  labels[1] = labels[1] === 10n ? 20n : 10n;
  await put("label.parquet", { ...features(), ...scores, prediction: vectorFromArray(labels, new Int64()) });
  await expect(planOf(jobOn("right.onnx", "label.parquet"))).rejects.toMatchObject({
    code: "refused.check-failed",
    details: { columns: [{ column: "prediction", different: 1, firstRows: [1] }, {}, {}, {}] },
  });
});

it.each([
  [
    "a column that is neither read nor predicted",
    () => ({ ...features(), ...expected(), other: ids() }),
    ["other"],
  ],
  [
    "no column with predictions",
    features,
    ["prediction", "probability_10", "probability_20", "probability_30"],
  ],
  ["a feature that is missing", () => ({ b: features().b as Vector, ...expected() }), ["a"]],
  [
    "labels of another type",
    () => ({ ...features(), prediction: vectorFromArray(every.map((row) => `${labelOf(row)}`)) }),
    ["prediction"],
  ],
])("%s is refused by name", async (_what, columns: () => Columns, named) => {
  await put("odd.parquet", columns());
  await expect(planOf(jobOn("right.onnx", "odd.parquet"))).rejects.toMatchObject({
    code: "check.columns",
    details: { columns: named },
  });
});

it("a check that is not there, and one of too many rows, are refused", async () => {
  await expect(planOf(jobOn("right.onnx", "none.parquet"))).rejects.toMatchObject({
    code: "check.file-not-found",
  });
  const many = vectorFromArray(new Array<number>(100_001).fill(0), new Float32());
  await put("many.parquet", { a: many, b: many, probability_10: many });
  await expect(planOf(jobOn("right.onnx", "many.parquet"))).rejects.toMatchObject({
    code: "check.too-large",
  });
});

it("preview --expect compares by key, whatever the order, or row by row", async () => {
  const reversed = [...every].reverse();
  await put("reversed.parquet", {
    id: vectorFromArray(reversed.map(BigInt), new Int64()),
    prediction: vectorFromArray(reversed.map(labelOf), new Int64()),
  });
  const compared = async (file: string, key: readonly string[]) => {
    const job = jobOn("right.onnx");
    const shown = await comparedWith({ ...job, input: { ...job.input, key } }, join(folder, file));
    return { absent: shown.absent, different: shown.columns.map(({ different }) => different) };
  };
  expect(await compared("reversed.parquet", ["id"])).toEqual({ absent: 0, different: [0] });
  expect(await compared("expected.parquet", [])).toEqual({ absent: 0, different: [0, 0, 0, 0] });
  const [wrong = 0] = (await compared("reversed.parquet", [])).different;
  expect(wrong).toBeGreaterThan(0);
  await put("longer.parquet", {
    id: vectorFromArray([...every, rows].map(BigInt), new Int64()),
    prediction: vectorFromArray([...every.map(labelOf), 10n], new Int64()),
  });
  expect(await compared("longer.parquet", ["id"])).toEqual({ absent: 1, different: [0] });
  await expect(compared("longer.parquet", [])).rejects.toMatchObject({ code: "check.rows" });
});

it("preview --expect shows how many predictions had something to be compared with", async () => {
  const some = every.slice(0, rows - 7);
  await put("some.parquet", {
    id: vectorFromArray([...some.map(BigInt), 1_000_000n], new Int64()),
    prediction: vectorFromArray([...some.map(labelOf), 10n], new Int64()),
  });
  const job = jobOn("right.onnx");
  const byKey = { ...job, input: { ...job.input, key: ["id"] } };
  const counted = { scored: rows, compared: rows - 7, absent: 1 };
  expect(await comparedWith(byKey, join(folder, "some.parquet"))).toMatchObject(counted);
  const whole = { scored: rows, compared: rows, absent: 0 };
  expect(await comparedWith(byKey, join(folder, "expected.parquet"))).toMatchObject(whole);
  await put("part.parquet", {
    id: vectorFromArray(some.map(BigInt), new Int64()),
    prediction: vectorFromArray(some.map(labelOf), new Int64()),
  });
  const argv = ["preview", "right.onnx", "in.parquet", "--key", "id", "--features", "a,b", "--expect"];
  const part = nightshift(folder, ...argv, "part.parquet");
  expect(part).toMatchObject({ status: 0 });
  expect(part.stdout).toContain(`${rows - 7} of ${rows} predictions`);
  expect(nightshift(folder, ...argv, "some.parquet").stdout).toMatch(/^1 expected row /m);
});

it("preview --expect without data scores the rows of the file itself, and exits 1 where something differs", () => {
  const wrong = nightshift(
    folder,
    ...["preview", "wrong.onnx", "in.parquet", "--key", "id", "--expect", "expected.parquet"],
    ...["--features", "a,b"],
  );
  expect({ status: wrong.status, stderr: wrong.stderr }).toMatchObject({ status: 1 });
  expect(wrong.stdout).toContain("probability_30");
  const shown = nightshift(
    folder,
    ...["preview", "right.onnx", "--expect", "check.parquet", "--features", "a,b", "--json"],
  );
  expect({ status: shown.status, stderr: shown.stderr }).toMatchObject({ status: 0 });
  expect(JSON.parse(shown.stdout)).toMatchObject({ rows, same: true, columns: [{}, {}, {}, {}] });
});

it("init compares a file once, then writes it as the job's check; a wrong export is not written", () => {
  const init = (modelFile: string, ...more: readonly string[]) =>
    nightshift(
      folder,
      ...["init", "--from", modelFile, "--input", "in.parquet", "--key", "id", "--features", "a,b", "--json"],
      ...more,
    );
  const wrong = init("wrong.onnx", "--check", "check.parquet");
  expect({ status: wrong.status, stdout: wrong.stdout }).toEqual({ status: 2, stdout: "" });
  expect(JSON.parse(wrong.stderr).error.code).toBe("refused.check-failed");
  expect(existsSync(join(folder, "jobs/wrong.yaml"))).toBe(false);

  const written = init("right.onnx", "--check", "check.parquet");
  expect({ status: written.status, stderr: written.stderr }).toMatchObject({ status: 0 });
  const { path, check } = JSON.parse(written.stdout);
  expect(check).toMatchObject({ file: join(folder, "check.parquet"), rows, columns: [{}, {}, {}, {}] });
  expect(parse(readFileSync(path, "utf8")).check).toBe("../check.parquet");
  expect(nightshift(folder, "validate", "right").stdout).toContain("check.parquet");

  const loose = init("right.onnx", "--check", "check.parquet", "--tolerance", "0.5", "--force");
  expect(parse(readFileSync(JSON.parse(loose.stdout).path, "utf8")).check).toEqual({
    file: "../check.parquet",
    tolerance: 0.5,
  });
  const lone = init("right.onnx", "--tolerance", "0.5", "--force");
  expect(JSON.parse(lone.stderr).error.code).toBe("usage.lone-tolerance");
  const without = init("right.onnx", "--force");
  expect(JSON.parse(without.stdout)).not.toHaveProperty("check");
  expect(parse(readFileSync(path, "utf8"))).not.toHaveProperty("check");
});

it("on a terminal init asks for such a file: Enter skips it, one that cannot be compared is asked for again", async () => {
  const keyboard = new PassThrough();
  const answers = ["", "none.parquet", "in.parquet", "check.parquet", "check.parquet"];
  const output = new PassThrough().on("data", (text) => {
    if (String(text).includes("?")) setImmediate(() => keyboard.write(`${answers.shift()}\n`));
  });
  const prompt = openPrompt({ input: keyboard, output, terminal: false, paint: makePaint(false) });
  const planned: string[] = [];
  const ask = (modelFile: string) =>
    comparedOnce(
      {
        ...{ file: undefined, tolerance: 1e-5, cwd: folder },
        plan: (check) => {
          planned.push(check.file);
          return planOf({ ...jobOn(modelFile), check });
        },
      },
      prompt,
    );
  expect(await ask("right.onnx")).toBeNull();
  expect(await ask("right.onnx")).toEqual({ file: join(folder, "check.parquet"), tolerance: 1e-5 });
  expect(planned).toEqual([join(folder, "in.parquet"), join(folder, "check.parquet")]);
  await expect(ask("wrong.onnx")).rejects.toMatchObject({ code: "refused.check-failed" });
  expect(answers).toEqual([]);
  prompt.close();
});
