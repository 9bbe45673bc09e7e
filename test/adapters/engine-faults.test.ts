/**
 * Where ONNX Runtime computes an operator otherwise than its specification: such models are refused, or their labels are
 * taken from their scores. The numbers are those of the `onnx` package's reference implementation.
 */
import { describe, expect, it, test } from "vitest";
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import { model, type NodeInit, node, types, value } from "../support/onnx-models.js";
import { loadedOnAll, runtime, writeModel } from "../support/onnx-run.js";

type With = NonNullable<NodeInit["with"]>;

const label = value("label", types.INT64, ["N"]);
const scores = value("scores", types.FLOAT, ["N", null]);

function built(op: string, attributes: With): OnnxModel {
  const out = op.endsWith("Classifier") ? ["label", "scores"] : ["scores"];
  return model({
    node: [node({ op, ml: true, in: ["x"], out, with: attributes })],
    input: [value("x", types.FLOAT, ["N", 1])],
    output: out.length === 2 ? [label, scores] : [scores],
  });
}

/** One tree: x <= 0.5 leads to the first leaf. Weights by class, of the first and the second leaf; `null`: none. */
function tree(
  kind: "class" | "target",
  weights: { readonly [id: string]: readonly (number | null)[] },
  rest: With,
): With {
  const entries = Object.entries(weights).flatMap(([id, leaves]) =>
    leaves.flatMap((weight, leaf) =>
      weight === null ? [] : [{ id: BigInt(id), leaf: BigInt(leaf + 1), weight }],
    ),
  );
  return {
    nodes_treeids: [0n, 0n, 0n],
    nodes_nodeids: [0n, 1n, 2n],
    nodes_featureids: [0n, 0n, 0n],
    nodes_values: [0.5, 0, 0],
    nodes_modes: ["BRANCH_LEQ", "LEAF", "LEAF"],
    nodes_truenodeids: [1n, 0n, 0n],
    nodes_falsenodeids: [2n, 0n, 0n],
    [`${kind}_treeids`]: entries.map(() => 0n),
    [`${kind}_nodeids`]: entries.map(({ leaf }) => leaf),
    [`${kind}_ids`]: entries.map(({ id }) => id),
    [`${kind}_weights`]: entries.map(({ weight }) => weight),
    ...rest,
  };
}

const two = { classlabels_int64s: [0n, 1n] };
const three = { classlabels_int64s: [4n, 5n, 6n] };

async function refusals(of: OnnxModel) {
  const { engines, refusals } = await runtime.inspect(writeModel(of), []);
  return { engines: engines.map(({ name }) => name), refused: refusals.map(({ engine }) => engine) };
}

/** Labels of x = 0 and x = 1 by each engine. */
async function labels(of: OnnxModel) {
  const found: Record<string, readonly unknown[]> = {};
  for (const { engine, predictor } of await loadedOnAll(writeModel(of))) {
    const x = { type: "float32", dims: [2, 1], data: Float32Array.of(0, 1) } as const;
    found[engine] = [...((await predictor.predict({ x })).label?.data ?? [])];
    await predictor.close();
  }
  return found;
}

describe("is refused where the engine's numbers are wrong", () => {
  const one = { "0": [0.3, 0.7] };
  const both = { "0": [0.3, 0.7], "1": [0.7, 0.3] };
  const svm: With = {
    coefficients: [0.4, -0.2],
    support_vectors: [0.1, 0.9],
    rho: [0.1],
    vectors_per_class: [1n, 1n],
    kernel_type: "RBF",
    kernel_params: [0.5, 0, 3],
    classlabels_ints: [0n, 1n],
  };
  const svr: With = {
    coefficients: [0.4, -0.2],
    support_vectors: [0.1, 0.9],
    rho: [0.3],
    n_supports: 2n,
    kernel_type: "RBF",
    kernel_params: [0.5, 0, 3],
  };
  const linear: With = { coefficients: [0.4], intercepts: [0.3], classlabels_ints: [0n, 1n] };
  const cases: readonly (readonly [string, string, With])[] = [
    [
      "PROBIT of two classes",
      "TreeEnsembleClassifier",
      tree("class", one, { ...two, post_transform: "PROBIT" }),
    ],
    [
      "SOFTMAX of one score",
      "TreeEnsembleClassifier",
      tree("class", one, { ...two, post_transform: "SOFTMAX" }),
    ],
    ["two base values", "TreeEnsembleClassifier", tree("class", one, { ...two, base_values: [0, 0] })],
    ["a base value of both", "TreeEnsembleClassifier", tree("class", both, { ...two, base_values: [0.25] })],
    ["the second class alone", "TreeEnsembleClassifier", tree("class", { "1": [0.3, 0.7] }, two)],
    [
      "leaves of one class each",
      "TreeEnsembleClassifier",
      tree("class", { "0": [0.9, null], "1": [null, 0.8] }, two),
    ],
    ["one class", "TreeEnsembleClassifier", tree("class", one, { classlabels_strings: ["only"] })],
    [
      "SOFTMAX of a number",
      "TreeEnsembleRegressor",
      tree("target", one, { n_targets: 1n, post_transform: "SOFTMAX" }),
    ],
    [
      "LOGISTIC of a number",
      "LinearRegressor",
      { coefficients: [0.4], intercepts: [0.3], targets: 1n, post_transform: "LOGISTIC" },
    ],
    ["LOGISTIC", "SVMRegressor", { ...svr, post_transform: "LOGISTIC" }],
    ["PROBIT of two classes", "SVMClassifier", { ...svm, post_transform: "PROBIT" }],
    ["SOFTMAX of two classes", "SVMClassifier", { ...svm, post_transform: "SOFTMAX" }],
    ["PROBIT of one row", "LinearClassifier", { ...linear, post_transform: "PROBIT" }],
    ["one row", "LinearClassifier", linear],
  ];
  it.each(cases)("%s (%s)", async (_what, op, attributes) => {
    expect(await refusals(built(op, attributes))).toEqual({ engines: [], refused: ["onnxruntime"] });
  });

  const fine: readonly (readonly [string, With])[] = [
    [
      "TreeEnsembleClassifier",
      tree(
        "class",
        { "0": [0.3, 0.7], "1": [0.4, 0.1], "2": [0, 0.2] },
        { ...three, post_transform: "PROBIT" },
      ),
    ],
    ["TreeEnsembleClassifier", tree("class", both, { ...two, post_transform: "SOFTMAX" })],
    [
      "LinearRegressor",
      { coefficients: [0.4, 0.1], intercepts: [0.3, 0.2], targets: 2n, post_transform: "LOGISTIC" },
    ],
    ["LinearClassifier", { ...linear, post_transform: "LOGISTIC" }],
    ["SVMClassifier", { ...svm, prob_a: [-1.5], prob_b: [0.2], post_transform: "SOFTMAX" }],
    ["SVMRegressor", svr],
  ];
  it.each(fine)("and not where they are right (%s)", async (op, attributes) => {
    expect((await refusals(built(op, attributes))).refused).toEqual([]);
  });
});

test("LOGISTIC of one number is computed by compiled-trees, and ONNX Runtime is refused", async () => {
  const of = built(
    "TreeEnsembleRegressor",
    tree("target", { "0": [0.3, 0.7] }, { n_targets: 1n, post_transform: "LOGISTIC" }),
  );
  expect(await refusals(of)).toEqual({ engines: ["compiled-trees"], refused: ["onnxruntime"] });
  const [compiled] = await loadedOnAll(writeModel(of));
  const x = { type: "float32", dims: [2, 1], data: Float32Array.of(0, 1) } as const;
  const made = (await compiled?.predictor.predict({ x }))?.scores?.data as Float32Array;
  expect(made[0]).toBeCloseTo(1 / (1 + Math.exp(-0.3)), 6);
  expect(made[1]).toBeCloseTo(1 / (1 + Math.exp(-0.7)), 6);
});

describe("labels follow the scores", () => {
  it("of positive weights under LOGISTIC, by both engines", async () => {
    const of = built(
      "TreeEnsembleClassifier",
      tree("class", { "0": [0.3, 0.7] }, { ...two, post_transform: "LOGISTIC" }),
    );
    expect(await labels(of)).toEqual({ "compiled-trees": [1n, 1n], onnxruntime: [1n, 1n] });
  });

  it("of shares, which 0.5 divides", async () => {
    const of = built("TreeEnsembleClassifier", tree("class", { "0": [0.3, 0.7] }, two));
    expect(await labels(of)).toEqual({ "compiled-trees": [0n, 1n], onnxruntime: [0n, 1n] });
  });

  it("of two classes that are both scored, also in text", async () => {
    const both = { "0": [0.3, 0.7], "1": [0.7, 0.3] };
    expect(await labels(built("TreeEnsembleClassifier", tree("class", both, two)))).toEqual({
      onnxruntime: [1n, 0n],
    });
    const named = built(
      "TreeEnsembleClassifier",
      tree("class", both, { classlabels_strings: ["no", "yes"] }),
    );
    named.graph.output[0] = value("label", types.STRING, ["N"]);
    expect(await labels(named)).toEqual({ onnxruntime: ["yes", "no"] });
  });

  it("of several classes, one of which is not scored", async () => {
    const of = built(
      "TreeEnsembleClassifier",
      tree("class", { "0": [-0.3, -0.7], "1": [-0.4, 0.1] }, { ...three, post_transform: "SOFTMAX" }),
    );
    expect(await labels(of)).toEqual({ onnxruntime: [6n, 5n] });
  });

  it("where the label alone is an output, and other operators read it", async () => {
    const attributes = tree("class", { "0": [0.3, 0.7] }, { ...two, post_transform: "LOGISTIC" });
    const of = model({
      node: [
        node({ op: "TreeEnsembleClassifier", ml: true, in: ["x"], out: ["l", ""], with: attributes }),
        node({ op: "Mul", in: ["l", "l"], out: ["label"] }),
      ],
      input: [value("x", types.FLOAT, ["N", 1])],
      output: [label],
    });
    expect(await labels(of)).toEqual({ onnxruntime: [1n, 1n] });
  });
});
