/** Random TreeEnsemble models: every test and shape of tree that the operators allow, from a seed. */
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import { model, node, types, value } from "./onnx-models.js";

export interface TreeShape {
  readonly trees: number;
  readonly features: number;
  readonly maxDepth: number;
  readonly modes: readonly string[];
  /** Outputs that the leaves of tree `t` add to. */
  readonly targets: (tree: number) => readonly number[];
  /** Weights in sixteenths, so that sums are exact in any order and precision. */
  readonly weight: (random: () => number) => number;
}

export interface Ensemble {
  readonly nodes: { readonly [attribute: string]: readonly bigint[] | readonly number[] | readonly string[] };
  readonly scores: { readonly [what: string]: readonly bigint[] | readonly number[] };
}

/** Thresholds lie on quarters, zero among them, so that many values are equal to one. */
export function randomEnsemble(shape: TreeShape, random: () => number): Ensemble {
  const nodes = {
    nodes_treeids: [] as bigint[],
    nodes_nodeids: [] as bigint[],
    nodes_featureids: [] as bigint[],
    nodes_values: [] as number[],
    nodes_modes: [] as string[],
    nodes_truenodeids: [] as bigint[],
    nodes_falsenodeids: [] as bigint[],
    nodes_missing_value_tracks_true: [] as bigint[],
  };
  const scores = {
    treeids: [] as bigint[],
    nodeids: [] as bigint[],
    ids: [] as bigint[],
    weights: [] as number[],
  };
  for (let tree = 0; tree < shape.trees; tree++) {
    let next = 0;
    const grow = (depth: number): number => {
      const id = next++;
      const isLeaf = depth === shape.maxDepth || (depth > 0 && random() < 0.25);
      const at = nodes.nodes_treeids.push(BigInt(tree)) - 1;
      nodes.nodes_nodeids.push(BigInt(id));
      nodes.nodes_featureids.push(isLeaf ? 0n : BigInt(Math.floor(random() * shape.features)));
      nodes.nodes_values.push(isLeaf ? 0 : Math.round(random() * 16 - 8) / 4);
      nodes.nodes_modes.push(
        isLeaf ? "LEAF" : (shape.modes[Math.floor(random() * shape.modes.length)] ?? ""),
      );
      nodes.nodes_truenodeids.push(0n);
      nodes.nodes_falsenodeids.push(0n);
      nodes.nodes_missing_value_tracks_true.push(!isLeaf && random() < 0.5 ? 1n : 0n);
      if (isLeaf) {
        for (const target of shape.targets(tree)) {
          scores.treeids.push(BigInt(tree));
          scores.nodeids.push(BigInt(id));
          scores.ids.push(BigInt(target));
          scores.weights.push(shape.weight(random));
        }
        return id;
      }
      nodes.nodes_truenodeids[at] = BigInt(grow(depth + 1));
      nodes.nodes_falsenodeids[at] = BigInt(grow(depth + 1));
      return id;
    };
    grow(0);
  }
  return { nodes, scores };
}

export function regressorModel(
  { nodes, scores }: Ensemble,
  features: number,
  targets: number,
  extra: { readonly [attribute: string]: string | readonly number[] } = {},
): OnnxModel {
  return model({
    node: [
      node({
        op: "TreeEnsembleRegressor",
        ml: true,
        in: ["x"],
        out: ["y"],
        with: { ...nodes, ...named("target", scores), n_targets: BigInt(targets), ...extra },
      }),
    ],
    input: [value("x", types.FLOAT, [null, features])],
    output: [value("y", types.FLOAT, [null, targets])],
  });
}

export function classifierModel(
  { nodes, scores }: Ensemble,
  features: number,
  labels: readonly bigint[] | readonly string[],
  extra: { readonly [attribute: string]: string | readonly number[] } = {},
): OnnxModel {
  const isText = typeof labels[0] === "string";
  return model({
    node: [
      node({
        op: "TreeEnsembleClassifier",
        ml: true,
        in: ["x"],
        out: ["label", "scores"],
        with: {
          ...nodes,
          ...named("class", scores),
          [isText ? "classlabels_strings" : "classlabels_int64s"]: labels,
          ...extra,
        },
      }),
    ],
    input: [value("x", types.FLOAT, [null, features])],
    output: [
      value("label", isText ? types.STRING : types.INT64, [null]),
      value("scores", types.FLOAT, [null, labels.length]),
    ],
  });
}

function named(kind: "class" | "target", scores: Ensemble["scores"]) {
  return Object.fromEntries(Object.entries(scores).map(([what, list]) => [`${kind}_${what}`, list]));
}
