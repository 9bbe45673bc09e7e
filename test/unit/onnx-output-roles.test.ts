import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeModel, type OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import { readSignature } from "../../src/runtimes/onnx/signature.js";
import { removeZipMaps } from "../../src/runtimes/onnx/zipmap.js";
import {
  floats,
  graph,
  integers,
  model,
  type NodeInit,
  node,
  texts,
  types,
  value,
} from "../support/onnx-models.js";

/** By output: its role and its labels. */
function roles(built: OnnxModel) {
  const { outputs } = readSignature(built, removeZipMaps(built), "m.onnx");
  return Object.fromEntries(
    outputs.map(({ name, role, labels }) => [name, [role ?? null, labels ?? null] as const]),
  );
}

function graphOf(
  nodes: readonly NodeInit[],
  outputs: readonly ReturnType<typeof value>[],
  initializer: readonly ReturnType<typeof texts>[] = [],
): OnnxModel {
  return model({
    node: nodes.map(node),
    input: [value("x", types.FLOAT, ["N", 4])],
    output: [...outputs],
    initializer: [...initializer],
  });
}

/** Makes scores shares; Platt's scaling does it by itself. */
const probable = (op: string) => (op === "SVMClassifier" ? {} : { post_transform: "SOFTMAX" });

const label = value("label", types.INT64, ["N"]);
const scores = value("scores", types.FLOAT, ["N", 3]);

describe("a classifier operator", () => {
  it.each([
    ["TreeEnsembleClassifier", { classlabels_int64s: [4n, 5n, 6n] }, [4, 5, 6]],
    ["TreeEnsembleClassifier", { classlabels_strings: ["a", "b", "c"] }, ["a", "b", "c"]],
    ["LinearClassifier", { classlabels_ints: [4n, 5n, 6n] }, [4, 5, 6]],
    ["SVMClassifier", { classlabels_ints: [4n, 5n, 6n], prob_a: [1.5, 1.5, 1.5] }, [4, 5, 6]],
  ] as const)("%s with %o names both of its outputs", (op, attributes, labels) => {
    const built = graphOf(
      [{ op, ml: true, in: ["x"], out: ["label", "scores"], with: { ...attributes, ...probable(op) } }],
      [label, scores],
    );
    expect(roles(built)).toEqual({ label: ["label", null], scores: ["probabilities", labels] });
  });

  it("is found through casts, copies, reshapes and a normaliser", () => {
    const built = graphOf(
      [
        {
          op: "LinearClassifier",
          ml: true,
          in: ["x"],
          out: ["l", "s"],
          with: { classlabels_ints: [0n, 1n, 2n], post_transform: "LOGISTIC" },
        },
        { op: "Cast", in: ["l"], out: ["cast"], with: { to: 7n } },
        { op: "Reshape", in: ["cast", "shape"], out: ["label"] },
        { op: "Normalizer", ml: true, in: ["s"], out: ["normal"], with: { norm: "L1" } },
        { op: "Identity", in: ["normal"], out: ["scores"] },
      ],
      [label, scores],
    );
    expect(roles(built)).toEqual({ label: ["label", null], scores: ["probabilities", [0, 1, 2]] });
  });

  it("calls a support vector machine's scores a pair of classes scores, of no class", () => {
    const built = graphOf(
      [
        {
          op: "SVMClassifier",
          ml: true,
          in: ["x"],
          out: ["label", "scores"],
          with: { classlabels_ints: [0n, 1n, 2n] },
        },
      ],
      [label, scores],
    );
    expect(roles(built)).toEqual({ label: ["label", null], scores: ["scores", null] });
  });

  it("names no classes of scores that were reshaped to another width", () => {
    const built = graphOf(
      [
        {
          op: "TreeEnsembleClassifier",
          ml: true,
          in: ["x"],
          out: ["label", "s"],
          with: { classlabels_int64s: [0n, 1n, 2n] },
        },
        { op: "Reshape", in: ["s", "shape"], out: ["scores"] },
      ],
      [label, value("scores", types.FLOAT, ["N", 3, 1])],
    );
    expect(roles(built).scores).toEqual(["scores", null]);
  });

  it("finds the width of scores that were declared without one", () => {
    const built = graphOf(
      [
        {
          op: "TreeEnsembleClassifier",
          ml: true,
          in: ["x"],
          out: ["label", "scores"],
          with: { classlabels_int64s: [0n, 1n, 2n] },
        },
      ],
      [label, value("scores", types.FLOAT, null)],
    );
    expect(readSignature(built, new Map(), "m.onnx").outputs[1]?.shape).toEqual(["N", 3]);
  });

  it("leaves the role open where two targets claim it, and keeps the labels", () => {
    const target = (suffix: string, labels: readonly bigint[]): NodeInit => ({
      op: "TreeEnsembleClassifier",
      ml: true,
      in: ["x"],
      out: [`label${suffix}`, `scores${suffix}`],
      with: { classlabels_int64s: labels },
    });
    const built = graphOf(
      [target("", [0n, 1n, 2n]), target("2", [7n, 8n])],
      [label, scores, value("label2", types.INT64, ["N"]), value("scores2", types.FLOAT, ["N", 2])],
    );
    expect(roles(built)).toEqual({
      label: [null, null],
      scores: [null, [0, 1, 2]],
      label2: [null, null],
      scores2: [null, [7, 8]],
    });
  });
});

describe("a class looked up by argmax, as scikit-learn's exporter writes it", () => {
  const lookUp: readonly NodeInit[] = [
    { op: "ArgMax", in: ["scores"], out: ["best"], with: { axis: 1n } },
    { op: "ArrayFeatureExtractor", ml: true, in: ["classes", "best"], out: ["chosen"] },
    { op: "Reshape", in: ["chosen", "shape"], out: ["label"] },
  ];
  const textLabel = value("label", types.STRING, ["N"]);

  it("names label and probabilities", () => {
    const built = graphOf(
      [{ op: "Softmax", in: ["x"], out: ["scores"] }, ...lookUp],
      [textLabel, scores],
      [texts("classes", ["a", "b", "c"])],
    );
    expect(roles(built)).toEqual({ label: ["label", null], scores: ["probabilities", ["a", "b", "c"]] });
  });

  it("names probabilities that are made from the same scores, column by column", () => {
    const built = graphOf(
      [
        { op: "Gemm", in: ["x", "w"], out: ["scores"] },
        ...lookUp,
        { op: "Softmax", in: ["scores"], out: ["p"] },
      ],
      [textLabel, value("p", types.FLOAT, ["N", 3])],
      [texts("classes", ["a", "b", "c"])],
    );
    expect(roles(built).p).toEqual(["probabilities", ["a", "b", "c"]]);
  });

  it("names probabilities that the argmax saw a copy of", () => {
    const built = graphOf(
      [
        { op: "Sigmoid", in: ["x"], out: ["p"] },
        { op: "Cast", in: ["p"], out: ["scores"], with: { to: 11n } },
        ...lookUp,
      ],
      [textLabel, value("p", types.FLOAT, ["N", 3])],
      [texts("classes", ["a", "b", "c"])],
    );
    expect(roles(built).p).toEqual(["probabilities", ["a", "b", "c"]]);
  });

  it("overrules the classifier below it: a stacking classifier's inner one counts from 0", () => {
    const inner: NodeInit = {
      op: "LinearClassifier",
      ml: true,
      in: ["x"],
      out: ["innerLabel", "s"],
      with: { classlabels_ints: [0n, 1n, 2n], post_transform: "LOGISTIC" },
    };
    const built = graphOf(
      [inner, { op: "Normalizer", ml: true, in: ["s"], out: ["scores"] }, ...lookUp],
      [label, scores],
      [integers("classes", [50n, 60n, 70n])],
    );
    expect(roles(built).scores).toEqual(["probabilities", [50, 60, 70]]);
  });

  it.each([
    ["int64", { dataType: types.INT64, rawData: new Uint8Array(BigInt64Array.of(5n, 6n, 7n).buffer) }],
    ["int32", { dataType: types.INT32, rawData: new Uint8Array(Int32Array.of(5, 6, 7).buffer) }],
    ["unpacked int32", { dataType: types.INT32, int32Data: [5, 6, 7] }],
  ])("reads classes that are kept as %s", (_, content) => {
    const built = graphOf([{ op: "Softmax", in: ["x"], out: ["scores"] }, ...lookUp], [label, scores]);
    built.graph.initializer = graph({
      initializer: [{ name: "classes", dims: [3n], ...content }],
    }).initializer;
    expect(roles(built).scores).toEqual(["probabilities", [5, 6, 7]]);
  });

  it("is no class where the position is not an argmax", () => {
    const built = graphOf(
      [
        { op: "Cast", in: ["x"], out: ["at"], with: { to: 7n } },
        { op: "Gather", in: ["table", "at"], out: ["embedded"] },
      ],
      [value("embedded", types.INT64, ["N", 3])],
      [integers("table", [1n, 2n, 3n])],
    );
    expect(roles(built)).toEqual({ embedded: [null, null] });
  });
});

describe("scores are probabilities where the graph keeps them within [0, 1]", () => {
  const one = floats("one", [], [1]);
  const trees = (weights: readonly number[], more: NodeInit["with"] = {}): NodeInit => ({
    op: "TreeEnsembleClassifier",
    ml: true,
    in: ["x"],
    out: ["label", "s"],
    with: {
      classlabels_int64s: [0n, 1n, 2n],
      class_treeids: [0n, 0n, 0n, 1n, 1n, 1n],
      class_nodeids: [1n, 1n, 1n, 1n, 1n, 1n],
      class_ids: [0n, 1n, 2n, 0n, 1n, 2n],
      class_weights: weights,
      ...more,
    },
  });
  const linear = (more: NodeInit["with"] = {}): NodeInit => ({
    op: "LinearClassifier",
    ml: true,
    in: ["x"],
    out: ["label", "s"],
    with: { classlabels_ints: [0n, 1n, 2n], ...more },
  });
  const svm = (more: NodeInit["with"] = {}): NodeInit => ({ ...linear(more), op: "SVMClassifier" });
  const copy: NodeInit = { op: "Identity", in: ["s"], out: ["scores"] };
  const cases: readonly (readonly [string, string, readonly NodeInit[]])[] = [
    ["votes of a forest", "probabilities", [trees([0.5, 0, 0, 0.2, 0.2, 0.1]), copy]],
    ["margins of trees", "scores", [trees([0.5, -1, 0, 0.2, 0.2, 0.1]), copy]],
    ["sums past one", "scores", [trees([0.9, 0, 0, 0.2, 0.2, 0.1]), copy]],
    [
      "LightGBM without a ZipMap: times 1",
      "probabilities",
      [
        trees([3, -1, 0, 1, 0, 0], { post_transform: "SOFTMAX" }),
        { op: "Identity", in: ["s"], out: ["copy"] },
        { op: "Mul", in: ["copy", "one"], out: ["scores"] },
      ],
    ],
    ["a hinge loss", "scores", [linear(), copy]],
    ["PROBIT", "scores", [linear({ post_transform: "PROBIT" }), copy]],
    ["a softmax behind", "probabilities", [linear(), { op: "Softmax", in: ["s"], out: ["scores"] }]],
    [
      "a normaliser behind margins",
      "scores",
      [linear(), { op: "Normalizer", ml: true, in: ["s"], out: ["scores"], with: { norm: "L1" } }],
    ],
    ["distances squeezed by LOGISTIC", "scores", [svm({ post_transform: "LOGISTIC" }), copy]],
  ];
  it.each(cases)("%s: %s", (_what, role, nodes) => {
    expect(roles(graphOf(nodes, [label, scores], [one])).scores?.[0]).toBe(role);
  });

  it("finds them through shares of a total, complements and averages", () => {
    const built = graphOf(
      [
        { op: "Sigmoid", in: ["x"], out: ["p"] },
        { op: "ReduceSum", in: ["p"], out: ["total"] },
        { op: "Div", in: ["p", "total"], out: ["first"] },
        { op: "Sub", in: ["one", "first"], out: ["second"] },
        { op: "Sum", in: ["first", "second"], out: ["both"] },
        { op: "Div", in: ["both", "two"], out: ["scores"] },
        { op: "ArgMax", in: ["scores"], out: ["best"], with: { axis: 1n } },
        { op: "ArrayFeatureExtractor", ml: true, in: ["classes", "best"], out: ["label"] },
      ],
      [label, scores],
      [one, floats("two", [], [2]), integers("classes", [7n, 8n, 9n])],
    );
    expect(roles(built)).toEqual({ label: ["label", null], scores: ["probabilities", [7, 8, 9]] });
  });

  it("calls one class's column of a decision function scores, of no class", () => {
    const built = graphOf(
      [linear(), { op: "ArrayFeatureExtractor", ml: true, in: ["s", "place"], out: ["probabilities"] }],
      [label, value("probabilities", types.FLOAT, ["N", 1])],
      [integers("place", [1n])],
    );
    expect(roles(built).probabilities).toEqual(["scores", null]);
  });
});

describe("committed models", () => {
  const folder = new URL("../../fixtures/models/", import.meta.url);
  const binary = { label: ["label", null], probabilities: ["probabilities", [0, 1]] };
  const sklearnBinary = { output_label: ["label", null], output_probability: ["probabilities", [0, 1]] };
  const classes = (probabilities: readonly (string | number)[]) => ({
    label: ["label", null],
    probabilities: ["probabilities", probabilities],
  });
  const digits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const sklearnDigits = { output_label: ["label", null], output_probability: ["probabilities", digits] };
  // Clusters and outliers are no classes: nothing in the graph says what a score is for.
  const unnamed = { label: [null, null], scores: [null, null] };
  const expected: { readonly [file: string]: unknown } = {
    "adult-catboost.onnx": binary,
    "adult-gradient-boosting.onnx": sklearnBinary,
    "adult-hist-gradient-boosting.onnx": sklearnBinary,
    "adult-hours-forest.onnx": { variable: [null, null] },
    "adult-isolation-forest.onnx": unnamed,
    "adult-kmeans.onnx": unnamed,
    "adult-logistic.onnx": sklearnBinary,
    "adult-pipeline.onnx": sklearnBinary,
    "delay-encoder.onnx": { logits: [null, null] },
    "digits-catboost.onnx": classes(digits),
    "digits-cnn.onnx": { linear: [null, null] },
    "digits-logistic.onnx": sklearnDigits,
    "digits-mlp.onnx": { linear_1: [null, null] },
    "digits-xgboost.onnx": classes(digits),
    "flight-band-forest.onnx": {
      output_label: ["label", null],
      output_probability: ["probabilities", ["early", "late", "on_time"]],
    },
    "flight-band-lightgbm.onnx": classes(["early", "late", "on_time"]),
    "flight-columns.onnx": sklearnBinary,
    "flight-delay-lightgbm.onnx": binary,
    "flight-delay-xgboost.onnx": binary,
    "flight-delay.onnx": sklearnBinary,
    "flight-minutes-hgb.onnx": { variable: [null, null] },
    "flight-rank-lightgbm.onnx": { variable: [null, null] },
    "two-tower.onnx": { scores: [null, null] },
    "w1-lightgbm.onnx": binary,
  };

  it.each(Object.entries(expected))("%s", (file, outputs) => {
    expect(roles(decodeModel(readFileSync(new URL(file, folder)), file))).toEqual(outputs);
  });

  it("are all in the table above", () => {
    expect(readdirSync(folder).filter((name) => name.endsWith(".onnx"))).toEqual(Object.keys(expected));
  });
});
