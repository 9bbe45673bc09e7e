/** Labels against probabilities, and what outputs are called. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { copyOfCase, expectedOf } from "../support/cases.js";
import { jsonLinesOf, nightshift } from "../support/nightshift.js";
import { model, node, types, value } from "../support/onnx-models.js";
import { writeModel } from "../support/onnx-run.js";
import { readRows } from "../support/published-rows.js";

const score = ["score", "model.onnx", "in.parquet", "-o", "out.parquet"] as const;

test.each(["auto", "onnxruntime"])(
  "positive-leaves-label: every label is the probable one (%s)",
  async (engine) => {
    const folder = copyOfCase("positive-leaves-label");
    expect(nightshift(folder, ...score, "--engine", engine)).toMatchObject({ status: 0 });
    const rows = await readRows(`${folder}/out.parquet`);
    expect(rows.map((row) => Number(row.prediction))).toEqual(expectedOf("positive-leaves-label").prediction);
    for (const row of rows) expect(Number(row.probability_1)).toBeGreaterThan(0.5);
  },
);

test("scores-called-probability: decision scores are columns score_<label>", async () => {
  const folder = copyOfCase("scores-called-probability");
  expect(nightshift(folder, ...score)).toMatchObject({ status: 0 });
  const [row = {}] = await readRows(`${folder}/out.parquet`);
  const names = Object.keys(row).filter((name) => name !== "id" && name !== "prediction");
  expect(names).toEqual(["score_x", "score_y", "score_z"]);
});

test("probit-garbage: refused while planning, with the way out, and nothing is published", () => {
  const folder = copyOfCase("probit-garbage");
  const { status, stderr } = nightshift(folder, ...score, "--json");
  expect(status).toBe(1);
  const { error } = JSON.parse(stderr.trimEnd().split("\n").at(-1) ?? "");
  expect(error.code).toBe("model.engine-differs");
  expect(error.message).toContain("PROBIT with two classes");
  expect(error.hint).toContain("post_transform NONE");
  expect(readdirSync(folder)).not.toContain("out.parquet");
});

test("a label that a model's own rule takes from elsewhere is kept, counted, and reported in JSON and in events", async () => {
  const folder = copyOfCase("probit-garbage");
  const of = model({
    node: [
      node({
        op: "SVMClassifier",
        ml: true,
        in: ["X"],
        out: ["label", "probabilities"],
        // Votes decide for the first class; Platt's scaling, with a sign that no training gives, makes the other probable.
        with: {
          coefficients: [0.4, -0.2],
          support_vectors: [0, 1, 2, -1, 5, 5],
          rho: [0.5],
          vectors_per_class: [1n, 1n],
          kernel_type: "RBF",
          kernel_params: [0.5, 0, 3],
          classlabels_ints: [0n, 1n],
          prob_a: [3],
          prob_b: [0],
        },
      }),
    ],
    input: [value("X", types.FLOAT, ["N", 3])],
    output: [value("label", types.INT64, ["N"]), value("probabilities", types.FLOAT, ["N", 2])],
  });
  writeModel(of, folder);
  const finished = nightshift(folder, ...score, "--features", "f0,f1,f2", "--json");
  expect(finished.status).toBe(0);
  const lines = jsonLinesOf(finished);
  const rows = await readRows(`${folder}/out.parquet`);
  const improbable = rows.filter((row) => Number(row[`probability_${row.prediction}`]) < 0.5);
  expect(improbable).not.toEqual([]);
  const contradictions = improbable.length;
  expect(lines.find(({ type }) => type === "run.published")).toMatchObject({ contradictions });
  expect(lines.find(({ type }) => type === "run.outcome")).toMatchObject({ stats: { contradictions } });
});
