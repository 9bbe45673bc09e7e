/** Missing values: what a model makes of NaN decides what becomes of a null, and of a label beside scores that are NaN. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Float32, vectorFromArray } from "apache-arrow";
import { expect, it } from "vitest";
import { jobOfCase, planOf, previewOf, valuesOf } from "../support/case-jobs.js";
import { copyOfCase } from "../support/cases.js";
import { jsonLinesOf, nightshift } from "../support/nightshift.js";
import { model, modelBytes, node, types, value } from "../support/onnx-models.js";
import { writeParquet } from "../support/parquet-rows.js";
import { scratch } from "../support/scratch.js";

const flags = { key: ["id"] } as const;

it("null-features-label: a null fails its row where the model knows no missing values", async () => {
  const job = jobOfCase(copyOfCase("null-features-label"), flags);
  const plan = await planOf(job);
  const nulls = plan.mapping.inputs.flatMap((input) =>
    input.kind === "columns" ? input.columns.map((column) => column.nulls) : [],
  );
  expect(new Set(nulls)).toEqual(new Set(["error"]));
  await expect(previewOf(job)).rejects.toMatchObject({
    code: "data.row-failed",
    details: { reason: "null_value" },
  });
  const kept = await previewOf({ ...job, rowPolicy: { ...job.rowPolicy, onRowError: "emit_null" } });
  const predicted = valuesOf(kept, "prediction");
  expect(valuesOf(kept, "id").filter((_, row) => predicted[row] === null)).toEqual([3, 7]);
});

it("null-features-label: where the job wants NaN, a label beside NaN is null and the rows are counted", () => {
  const folder = copyOfCase("null-features-label");
  const spec = {
    ...{ version: 1, name: "case", model: "model.onnx", input: { from: "in.parquet", key: ["id"] } },
    features: { X: { stack: [0, 1, 2, 3, 4, 5].map((place) => `f${place}`), nulls: "nan" } },
    outputs: { output_label: { column: "prediction" } },
    write: { to: "out.parquet", mode: "replace" },
  };
  writeFileSync(join(folder, "job.yaml"), JSON.stringify(spec));
  const shown = JSON.parse(nightshift(folder, "preview", "job.yaml", "--limit", "100", "--json").stdout);
  const at = (name: string) => shown.columns.indexOf(name);
  const nulled = shown.rows.filter((row: readonly unknown[]) => row[at("prediction")] === null);
  expect(nulled.map((row: readonly unknown[]) => row[at("id")])).toEqual([3, 7]);
  const run = nightshift(folder, "run", "job.yaml", "--json");
  expect({ status: run.status, stderr: run.stderr }).toMatchObject({ status: 0 });
  expect(jsonLinesOf(run).at(-1)).toMatchObject({ type: "run.outcome", stats: { nanRows: 2 } });
});

it("a model that fills in some columns takes missing values there, and nowhere else", async () => {
  const folder = scratch();
  const filled = {
    ml: true,
    op: "Imputer",
    with: { imputed_value_floats: [5], replaced_value_float: Number.NaN },
  };
  const graph = model({
    input: [value("a", types.FLOAT, ["N", 1]), value("b", types.FLOAT, ["N", 1])],
    output: [value("y", types.FLOAT, ["N", 1])],
    node: [
      node({ ...filled, in: ["a"], out: ["a_filled"] }),
      node({ op: "Add", in: ["a_filled", "b"], out: ["y"] }),
    ],
  });
  writeFileSync(join(folder, "model.onnx"), modelBytes(graph));
  const rows = await writeParquet({
    a: vectorFromArray([1, null, 3], new Float32()),
    b: vectorFromArray([1, 2, null], new Float32()),
  });
  writeFileSync(join(folder, "in.parquet"), rows);
  const plan = await planOf(jobOfCase(folder));
  expect(plan.mapping.inputs).toMatchObject([
    { input: "a", columns: [{ nulls: "nan" }] },
    { input: "b", columns: [{ nulls: "error" }] },
  ]);
});
