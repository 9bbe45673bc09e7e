/** Nulls that the mapping refuses are known from footers: each command says so before a run, with what to write. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { copyOfCase } from "../support/cases.js";
import { nightshift } from "../support/nightshift.js";
import { readRows } from "../support/published-rows.js";

let cwd: string;
let spec: string;
let nulls: number;

const sentence = () => `country: ${nulls} of 400 rows are null`;
const fix = "features: { country: { column: country, nulls: … } }";

beforeAll(async () => {
  cwd = copyOfCase("nulls-known-before");
  spec = join(cwd, "jobs/churn.yaml");
  nulls = (await readRows(join(cwd, "in.parquet"))).filter(({ country }) => country === null).length;
});

it("init writes a rule for nulls where there are some, and warns", () => {
  const input = ["--from", "churn.onnx", "--input", "in.parquet", "--key", "customer_id"];
  const { status, stderr } = nightshift(cwd, "init", ...input);
  expect(status).toBe(0);
  expect(stderr).toContain(sentence());
  const text = readFileSync(spec, "utf8");
  expect(parse(text).features.country).toEqual({ column: "country", nulls: "error" });
  expect(text).toContain(`country ${nulls}`);
});

it.each(["validate", "plan", "explain"])("%s warns with the count and the line to write", (command) => {
  const { status, stdout, stderr } = nightshift(cwd, command, "churn");
  expect(status).toBe(0);
  expect(stdout + stderr).toContain(sentence());
  expect(stdout + stderr).toContain(fix);
});

it("validate says what the rows cost under a budget, and gives the counts as data", () => {
  const text = readFileSync(spec, "utf8");
  const policy = (rules: string) =>
    writeFileSync(spec, text.replace("on_row_error: fail", `on_row_error: quarantine\n  ${rules}`));
  const checked = () => JSON.parse(nightshift(cwd, "validate", "churn", "--json").stdout).jobs[0];
  policy("max_error_rows: 57");
  expect(checked()).toMatchObject({
    nulls: { country: { nulls, unknown: 0 } },
    warnings: [expect.stringContaining("quarantined"), expect.stringContaining("max_error_rows 57")],
  });
  policy("max_error_rows: 58");
  expect(checked().warnings).toHaveLength(1);
  writeFileSync(spec, text);
});

it("a run that fails by a null names the line that helps, and no retry", () => {
  const failed = nightshift(cwd, "run", "churn");
  expect(failed.status).toBe(1);
  expect(failed.stderr).toContain(fix);
  expect(failed.stderr).not.toContain("retry");
  const text = readFileSync(spec, "utf8");
  writeFileSync(spec, text.replace("column: country, nulls: error", "column: country, nulls: br"));
  expect(nightshift(cwd, "run", "churn", "-q")).toMatchObject({ status: 0, stderr: "" });
});

it("score and preview take the rule as an option", async () => {
  const score = ["score", "churn.onnx", "in.parquet", "-o", "out.parquet", "--keep", "customer_id"];
  const failed = nightshift(cwd, ...score);
  expect(failed.status).toBe(1);
  expect(failed.stderr).toContain(sentence());
  expect(failed.stderr).toContain("--nulls country=…");
  expect(nightshift(cwd, ...score, "--nulls", "nan", "-q").stderr).toContain("error, reject or a text");
  expect(nightshift(cwd, ...score, "--nulls", "reject", "--quarantine-exit-zero", "-q").status).toBe(0);
  expect(await readRows(join(cwd, "out.parquet"))).toHaveLength(400 - nulls);
  const filled = nightshift(cwd, ...score, "--overwrite", "--nulls", "country=br", "-q");
  expect(filled).toMatchObject({ status: 0, stderr: "" });
  expect(await readRows(join(cwd, "out.parquet"))).toHaveLength(400);
  const preview = ["preview", "churn.onnx", "in.parquet", "--nulls", "country=br", "--limit", "20", "--json"];
  expect(JSON.parse(nightshift(cwd, ...preview).stdout).rows).toHaveLength(20);
});
