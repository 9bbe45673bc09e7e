/** What trying a model shows while a run is planned: shapes, and whether rows change one another. */
import { expect, it } from "vitest";
import { jobOfCase, planOf, previewOf, valuesOf } from "../support/case-jobs.js";
import { copyOfCase, expectedOf } from "../support/cases.js";

const dependent = { rows: "dependent", batchRows: 64 } as const;

it("forest-of-targets: a forest that declares one target and gives three is scored", async () => {
  const { variable } = expectedOf("forest-of-targets") as {
    readonly variable: readonly (readonly number[])[];
  };
  for (const engine of ["compiled-trees", "onnxruntime"] as const) {
    const preview = await previewOf(jobOfCase(copyOfCase("forest-of-targets"), { engine }));
    const given = valuesOf(preview, "variable") as readonly (readonly number[])[];
    expect(given).toHaveLength(variable.length);
    given.forEach((row, at) => {
      expect(row).toHaveLength(3);
      for (const [target, value] of row.entries())
        expect(value).toBeCloseTo(variable[at]?.[target] ?? Number.NaN, 5);
    });
  }
});

it("detections-coincide: an output along another dimension than the input's is not a row", async () => {
  await expect(planOf(jobOfCase(copyOfCase("detections-coincide")))).rejects.toMatchObject({
    kind: "spec",
    code: "refused.output-not-rows",
    details: { output: "det", dimension: "M", batch: "N" },
  });
});

it("unwanted-output-class-labels: an output that depends on no input is left out", async () => {
  const job = jobOfCase(copyOfCase("unwanted-output-class-labels"), { key: ["id"] });
  const { columns } = expectedOf("unwanted-output-class-labels");
  const preview = await previewOf({ ...job, passthrough: { kind: "none" } });
  expect(preview.columns).toEqual(columns);
  expect(preview.notes).toEqual([expect.stringContaining("class_labels")]);
  await expect(planOf({ ...job, outputs: { class_labels: {} } })).rejects.toMatchObject({
    code: "mapping.unknown-output",
  });
});

it("dynquant: rows that change one another are refused, and scored in fixed batches where the job says so", async () => {
  const folder = copyOfCase("dynquant");
  await expect(planOf(jobOfCase(folder))).rejects.toMatchObject({
    kind: "spec",
    code: "refused.rows-dependent",
    details: { output: "y" },
  });
  const plan = await planOf(jobOfCase(folder, dependent));
  expect(plan.profile.batchRows).toBe(64);
  expect(plan.probe).toMatchObject({ verdict: "dependent" });
  expect(plan.mapping.warnings).toEqual([expect.stringContaining("depend on the batch")]);
  expect((await planOf(jobOfCase(folder, { ...dependent, batchRows: 65 }))).fingerprint).not.toBe(
    plan.fingerprint,
  );
});

it("dropout-training: a model that gives other numbers the second time is refused", async () => {
  const folder = copyOfCase("dropout-training");
  await expect(planOf(jobOfCase(folder))).rejects.toMatchObject({
    kind: "spec",
    code: "refused.not-deterministic",
  });
  expect((await planOf(jobOfCase(folder, dependent))).probe).toMatchObject({ verdict: "not-deterministic" });
});

it("hidden-batch-of-one: a model that takes one row at a time is scored row by row, with a warning", async () => {
  const folder = copyOfCase("hidden-batch-of-one");
  const plan = await planOf(jobOfCase(folder));
  expect(plan).toMatchObject({ profile: { batchRows: 1 }, probe: { verdict: "one-at-a-time" } });
  expect(plan.mapping.warnings).toEqual([expect.stringContaining("one row at a time")]);
  expect(valuesOf(await previewOf(jobOfCase(folder)), "y")).toEqual(expectedOf("hidden-batch-of-one").y);
  await expect(planOf(jobOfCase(folder, dependent))).rejects.toMatchObject({
    code: "refused.frozen-batch",
    details: { batch: 1 },
  });
});

it("seq-first-columns: a batch that is not the first dimension is refused by its name", async () => {
  await expect(planOf(jobOfCase(copyOfCase("seq-first-columns")))).rejects.toMatchObject({
    kind: "spec",
    code: "refused.batch-not-first",
    details: { input: "x", dimension: 1 },
  });
});
