/** Which columns feed which inputs: what is ambiguous is refused, and what can be known before a run is said before it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { copyOfCase } from "../support/cases.js";
import { nightshift } from "../support/nightshift.js";

const score = ["in.parquet", "-o", "out.parquet", "-q"];

it("missing-named-column: a named input is fed by no other column, by score and init", () => {
  const cwd = copyOfCase("missing-named-column");
  for (const argv of [
    ["score", "churn.onnx", ...score, "--accept-guess"],
    ["init", "--from", "churn.onnx", "--input", "in.parquet", "--accept-guess"],
  ]) {
    const { status, stderr } = nightshift(cwd, ...argv);
    expect(status).toBe(2);
    expect(stderr).toContain('in.parquet has no column "tenure_days"');
    expect(stderr).toContain("--features <column>");
    expect(stderr).not.toMatch(/hint:[\s\S]*is_trial/);
  }
  expect(existsSync(join(cwd, "out.parquet"))).toBe(false);
  expect(existsSync(join(cwd, "jobs"))).toBe(false);
});

it("guessed-index: the index of pandas is no feature", () => {
  const cwd = copyOfCase("guessed-index");
  const { status, stderr } = nightshift(cwd, "score", "model.onnx", ...score, "--accept-guess");
  expect(status).toBe(2);
  expect(stderr).toContain("--features a,b,…");
  expect(stderr).not.toMatch(/hint:[\s\S]*__index/);
  expect(existsSync(join(cwd, "out.parquet"))).toBe(false);
});
