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
passthrough: [id]
write: { to: odd.parquet, mode: error }
`,
  );
  expect(nightshift(cwd, "run", "odd.yaml", "-q")).toMatchObject({ status: 0, stderr: "" });
  const parts = await readRows(join(cwd, "odd.parquet"));
  expect(parts.map((row) => Object.entries(row).map(([, cell]) => Number(cell)))).toEqual([
    [0, 1, 2],
    [1, 2, 4],
  ]);
});

it("float-integers: whole numbers in float64 feed an integer, and a null is reported by name", async () => {
  const cwd = copyOfCase("float-integers");
  const flags = ["--on-row-error", "quarantine", "--quarantine-exit-zero", "--keep", "id"];
  expect(nightshift(cwd, "score", "model.onnx", ...score, ...flags).status).toBe(0);
  const [x] = expectedOf("float-integers").x_out as readonly number[];
  expect(await readRows(join(cwd, "out.parquet"))).toEqual([{ id: 0n, x_out: BigInt(x ?? 0) }]);
  expect(nightshift(cwd, "errors", "--json").stdout).toContain('"null_value"');
});

it("nested-list: lists of lists fill the dimensions of a row", async () => {
  const cwd = copyOfCase("nested-list");
  expect(nightshift(cwd, "score", "model.onnx", ...score).status).toBe(0);
  const rows = await readRows(join(cwd, "out.parquet"));
  expect(rows.map(({ x_out }) => x_out)).toEqual(expectedOf("nested-list").x_out);
});

it("hf-lists-of-any-length: refused before anything runs, with the longest list and the mask", () => {
  const cwd = copyOfCase("hf-lists-of-any-length");
  const { status, stderr } = nightshift(cwd, "score", "model.onnx", ...score, "--key", "id");
  expect(status).toBe(2);
  expect(stderr).toContain(String(expectedOf("hf-lists-of-any-length").advice));
  expect(existsSync(join(cwd, "out.parquet"))).toBe(false);
  // What the hint says to write is what works.
  const block = stderr.slice(stderr.indexOf("features:"));
  const job = [
    "version: 1",
    "name: hf",
    "model: model.onnx",
    "input: { from: in.parquet }",
    "passthrough: [id]",
  ];
  const lines = [...job, "write: { to: hf.parquet, mode: error }", block.replaceAll(/^ {4}/gm, "  ")];
  writeFileSync(join(cwd, "hf.yaml"), lines.join("\n"));
  expect(nightshift(cwd, "run", "hf.yaml", "-q")).toMatchObject({ status: 0, stderr: "" });
});
