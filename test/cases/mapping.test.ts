/** Which columns feed which inputs: what is ambiguous is refused, and what can be known before a run is said before it. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { copyOfCase, expectedOf } from "../support/cases.js";
import { nightshift } from "../support/nightshift.js";
import { modelBytes, node, model as onnxModel, types, value } from "../support/onnx-models.js";
import { readRows } from "../support/published-rows.js";

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

it("input-called-proto: names of JavaScript's own are names of inputs, columns and outputs", async () => {
  const cwd = copyOfCase("input-called-proto");
  expect(nightshift(cwd, "score", "model.onnx", ...score).status).toBe(0);
  const rows = await readRows(join(cwd, "out.parquet"));
  expect(rows.map(({ out }) => out)).toEqual(expectedOf("input-called-proto").out);
  const made = onnxModel({
    node: [
      node({ op: "Identity", in: ["constructor"], out: ["__proto__"] }),
      node({ op: "Add", in: ["toString", "__proto__"], out: ["valueOf"] }),
    ],
    input: [value("constructor", types.FLOAT, ["N", 1]), value("toString", types.FLOAT, ["N", 1])],
    output: [value("__proto__", types.FLOAT, ["N", 1]), value("valueOf", types.FLOAT, ["N", 1])],
  });
  writeFileSync(join(cwd, "odd.onnx"), modelBytes(made));
  writeFileSync(
    join(cwd, "odd.yaml"),
    `version: 1
name: odd
model: odd.onnx
input: { from: in.parquet }
features: { constructor: __proto__, toString: { column: __proto__ } }
outputs: { __proto__: { column: hasOwnProperty }, valueOf: { columns: { __defineGetter__: "0" } } }
passthrough: [__proto__]
write: { to: odd.parquet, mode: error }
`,
  );
  expect(nightshift(cwd, "run", "odd.yaml", "-q")).toMatchObject({ status: 0, stderr: "" });
  const parts = await readRows(join(cwd, "odd.parquet"));
  expect(parts.map((row) => Object.entries(row))).toEqual(
    [1, 2].map((x) => [
      ["__proto__", x],
      ["hasOwnProperty", x],
      ["__defineGetter__", 2 * x],
    ]),
  );
});
