import { expect, test } from "vitest";
import { columnFacts, dataText } from "../../src/cli/inspect/data-text.js";
import { modelText, shapeText, suggestion } from "../../src/cli/inspect/model-text.js";
import { parseInspect } from "../../src/cli/inspect.js";
import { makePaint } from "../../src/cli/output/paint.js";
import type { ColumnSummary } from "../../src/formats/format.js";
import type { InspectedFile } from "../../src/host/host.js";
import type { InspectedModel } from "../../src/runtimes/model.js";

const options = { width: null, paint: makePaint(false) };

type Facts = Omit<ColumnSummary, "decodedBytes" | "heldBytes">;

function file(path: string, groups: readonly { rows: number; id: Facts }[]): InspectedFile {
  return {
    path,
    bytes: 1000,
    decodedRows: null,
    table: null,
    summary: {
      schema: [{ name: "id", type: { kind: "int", bits: 64, signed: true }, nullable: true }],
      rows: groups.reduce((sum, group) => sum + group.rows, 0),
      footerSha256: "",
      rowGroups: groups.map(({ rows, id }) => ({
        rows,
        columns: { id: { ...id, decodedBytes: 0, heldBytes: 0 } },
      })),
      metadata: {},
    },
  };
}

test("columns of several files add up: smallest, largest, nulls", () => {
  const files = [
    file("/w/a.parquet", [
      { rows: 10, id: { bytes: 80, nulls: 1, min: "9", max: "100" } },
      { rows: 5, id: { bytes: 40, nulls: 5, min: null, max: null } },
    ]),
    file("/w/b.parquet", [{ rows: 2, id: { bytes: 16, nulls: 0, min: "-3", max: "20" } }]),
  ];
  expect(columnFacts(files)).toEqual([
    { name: "id", type: "int64", bytes: 136, nulls: 6, min: "-3", max: "100", differs: [] },
  ]);
  expect(dataText(files, "/w", options)).toBe(`17 rows, 2 files, 3 row groups (largest 10 rows), 2.00 kB

column  type   nulls  min  max   size
id      int64      6  -3   100  136 B

file       rows  row groups     size
a.parquet    15           2  1.00 kB
b.parquet     2           1  1.00 kB`);
});

test("a part of the truth is not shown: one row group without statistics hides the extremes", () => {
  const known = { bytes: 80, nulls: 0, min: "1", max: "2" };
  const unknown = { bytes: 80, nulls: null, min: null, max: null };
  const [facts] = columnFacts([
    file("/w/a", [
      { rows: 1, id: known },
      { rows: 1, id: unknown },
    ]),
  ]);
  expect(facts).toMatchObject({ nulls: null, min: null, max: null });
});

test("a column that differs between files is pointed out", () => {
  const good = file("/w/a.parquet", []);
  const other = file("/w/b.parquet", []);
  const drifted = {
    ...other,
    summary: { ...other.summary, schema: [{ name: "id", type: { kind: "utf8" }, nullable: true }] },
  } as InspectedFile;
  expect(dataText([good, drifted], "/w", options)).toContain(
    "warning: id is missing or no int64 in b.parquet",
  );
});

const model: InspectedModel = {
  engines: [
    { name: "compiled-trees", version: "2" },
    { name: "onnxruntime", version: "1.30.0" },
  ],
  refusals: [],
  signature: {
    inputs: [{ name: "float_input", type: "float32", shape: [null, 3] }],
    outputs: [
      { name: "label", type: "int64", shape: ["N"], role: "label" },
      { name: "probabilities", type: "float32", shape: ["N", 2], labels: [0, 1], role: "probabilities" },
    ],
    fixedBatch: null,
    metadata: { producer: "skl2onnx 1.17" },
    featureNames: null,
  },
  assets: [{ role: "model", path: "/w/m.onnx", size: 4440, sha256: "abcdef0123456789" }],
};
const place = { path: "/w/m.onnx", data: [], schema: null, cwd: "/w", program: "nightshift" };

test("a model is shown with its tensors, labels and a command to paste", () => {
  expect(modelText(model, place, options)).toBe(`m.onnx  4.44 kB, sha256 abcdef012345

        name           type     shape   labels
input   float_input    float32  [?, 3]
output  label          int64    [N]     the class
output  probabilities  float32  [N, 2]  0, 1

runs on   compiled-trees 2, or onnxruntime 1.30.0
producer  skl2onnx 1.17

score it  nightshift score m.onnx data.parquet -o predictions/ --features f0,f1,f2
          put in your 3 columns, in the order that the model was trained with

in a job, with your columns for these names:
features:
  float_input: { stack: [f0, f1, f2] } # float32[N, 3]
outputs:
  label: { column: prediction }
  probabilities: { columns: { probability_0: "0", probability_1: "1" } }`);
});

test("the suggested command uses the model's own feature names and the data that was inspected", () => {
  const named = { ...model, signature: { ...model.signature, featureNames: ["age", "hours per week", "x"] } };
  expect(suggestion(named, { ...place, data: ["/w/data/*.parquet"] })).toBe(
    "nightshift score m.onnx 'data/*.parquet' -o predictions/ --features 'age,hours per week,x'",
  );
});

test("a model is recognised by its name", () => {
  expect(parseInspect(["m.ONNX", "a.parquet", "dir"], { full: true }, "/w")).toEqual({
    models: ["/w/m.ONNX"],
    data: ["/w/a.parquet", "/w/dir"],
    full: true,
    externalData: [],
  });
});

test("shapes", () => {
  expect([shapeText(null), shapeText([]), shapeText(["N", null, 28])]).toEqual(["any", "[]", "[N, ?, 28]"]);
});
