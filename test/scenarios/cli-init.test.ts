/** From a model and a file to a job that validates, runs, and explains itself. */
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nightshift } from "../support/nightshift.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));
let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "nightshift-init-"));
  symlinkSync(join(repository, "fixtures"), join(cwd, "fixtures"));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const fixture = (name: string) => [
  "--from",
  `fixtures/models/${name}.onnx`,
  "--input",
  `fixtures/models/${name}.input.parquet`,
];

test("the job that init writes validates and previews", () => {
  const written = nightshift(cwd, "init", ...fixture("flight-columns"), "--key", "flight_id");
  expect(written, written.stderr).toMatchObject({ status: 0, stdout: "jobs/flight-columns.yaml\n" });
  expect(written.stderr).toContain("valid  913 rows");
  const text = readFileSync(join(cwd, "jobs/flight-columns.yaml"), "utf8");
  expect(text).toContain("model: ../fixtures/models/flight-columns.onnx");
  expect(text).toContain("to: ../out/flight-columns");
  expect(nightshift(cwd, "validate", "flight-columns").stdout).toContain("valid");
  expect(nightshift(cwd, "preview", "flight-columns", "--limit", "2").stdout).toContain("probability_1");
});

test("what cannot be found is said, and can be given", () => {
  const job = [...fixture("flight-delay"), "--out", "night/delay.yaml", "--to", "late"];
  const unmatched = nightshift(cwd, "init", ...job);
  expect(unmatched.status).toBe(2);
  expect(unmatched.stderr).toContain("has no column");
  expect(existsSync(join(cwd, "night"))).toBe(false);
  const given = nightshift(cwd, "init", ...job, "--features", "distance,hour,dow", "--json");
  expect(JSON.parse(given.stdout)).toMatchObject({
    path: join(cwd, "night/delay.yaml"),
    job: "delay",
    totals: { rows: 1_814 },
  });
  expect(readFileSync(join(cwd, "night/delay.yaml"), "utf8")).toContain("to: ../late");
});

test("a job that is there stays, unless it may be replaced", () => {
  const job = ["init", ...fixture("w1-lightgbm"), "--out", "jobs/w1.yaml"];
  expect(nightshift(cwd, ...job).status).toBe(0);
  const refused = nightshift(cwd, ...job, "--key", "id");
  expect(refused.status).toBe(2);
  expect(refused.stderr).toContain("--force");
  expect(readFileSync(join(cwd, "jobs/w1.yaml"), "utf8")).toContain("# key: [id]");
  expect(nightshift(cwd, ...job, "--key", "id", "--force").status).toBe(0);
  expect(readFileSync(join(cwd, "jobs/w1.yaml"), "utf8")).toContain("  key: [id]");
});

test("off a terminal, nothing is asked", () => {
  const { status, stderr } = nightshift(cwd, "init");
  expect(status).toBe(2);
  expect(stderr).toContain("--from model.onnx");
  expect(nightshift(cwd, "init", "--from", "fixtures/models/w1-lightgbm.onnx").stderr).toContain("--input");
});

test("explain shows the job resolved, its mapping, and the digests of what it pins", () => {
  const text = nightshift(cwd, "explain", "flight-columns").stdout;
  expect(text).toContain(`model: ${join(cwd, "fixtures/models/flight-columns.onnx")}`);
  expect(text).toContain("partition_timeout: 30m");
  expect(text).toMatch(/destination +-> +destination +string\[N, 1\]/);
  const shown = JSON.parse(nightshift(cwd, "explain", "flight-columns", "--json").stdout);
  const [model] = shown.assets;
  expect(model).toMatchObject({ role: "model", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(text).toContain(model.sha256);
  expect(shown.mapping.columns.map(({ name }: { name: string }) => name)).toEqual([
    "flight_id",
    "prediction",
    "probability_0",
    "probability_1",
  ]);
});

test("inspect gives a mapping to paste, with the data's own columns where they fit", () => {
  const [, model = "", , data = ""] = fixture("flight-columns");
  const text = nightshift(cwd, "inspect", model, data).stdout;
  expect(text).toContain(
    "in a job, with the columns of this data:\nfeatures:\n  distance: { column: distance, nulls: error }",
  );
  const shown = JSON.parse(nightshift(cwd, "inspect", model, "--json").stdout);
  expect(shown.models[0].mapping).toContain("outputs:\n  output_label: { column: prediction }");
});
