/** Labels against probabilities, and what outputs are called. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { copyOfCase, expectedOf } from "../support/cases.js";
import { nightshift } from "../support/nightshift.js";
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
