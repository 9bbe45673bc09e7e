/**
 * Operators of `ai.onnx.ml` that ONNX Runtime 1.30 computes differently from their specification. Each was
 * found by running small models: see `test/adapters/engine-faults.test.ts`. Such a model is refused, or its
 * label is computed from its scores: see `label-from-scores.ts`.
 */

import type { GraphProto, NodeProto } from "#onnx-proto";
import { attribute, classLabels, numbersOf, textOf } from "./attributes.js";
import { engineVersion } from "./engine.js";
import { isOperator } from "./graph-index.js";
import { scoredClasses, scoresEveryRow } from "./trees/scored-classes.js";

export interface EngineFault {
  /** A clause: `ONNX Runtime 1.30.0 computes LinearRegressor wrongly: its post_transform is ignored`. */
  readonly reason: string;
  readonly hint: string;
}

/** Returns the first operator of the graph that the engine computes wrongly; `null` if there is none. */
export function engineFault(graph: GraphProto): EngineFault | null {
  for (const node of graph.node) {
    const reason = faultOf(node);
    if (reason !== null)
      return {
        reason: `ONNX Runtime ${engineVersion} computes ${node.opType}${node.name === "" ? "" : ` (${node.name})`} wrongly: ${reason}`,
        hint: hints[reason] ?? exportAnother,
      };
  }
  return null;
}

const ignored = "its post_transform is ignored where it gives one number a row";
const pairIgnored = "its post_transform is not computed where one score stands for two classes";
const uninitialised = "PROBIT with two classes leaves scores uninitialised";
const oneClass = "it has one class only, and another label is given";
const secondAlone = "it scores the second of two classes alone, and the first one's score is made up";
const twoBases = "two base values of two classes are mixed up";
const someRows = "scores of two classes are mixed up for rows that reach no score of the second class";

const exportAnother =
  "Export the model with post_transform NONE and put the function behind it as operators (Sigmoid, Softmax).";
const hints: { readonly [reason: string]: string } = {
  [oneClass]: "Train the model on two classes or more.",
  [secondAlone]:
    "Export it with scores for class 0 alone, which then stand for class 1, or with scores for both.",
  [twoBases]: "Add the base values to the weights of one tree, and leave base_values out.",
  [someRows]: "Export it with a weight for each class in each leaf, zeros included.",
};

function faultOf(node: NodeProto): string | null {
  if (!mlOperators.some((opType) => isOperator(node, "ai.onnx.ml", opType))) return null;
  const transform = transformOf(node);
  switch (node.opType) {
    case "TreeEnsembleClassifier":
      return treeClassifierFault(node, transform);
    case "TreeEnsembleRegressor":
    case "TreeEnsemble":
      return isOne(node, "n_targets") && ignoredForOne.has(transform) ? ignored : null;
    case "LinearRegressor":
      return isOne(node, "targets") && ignoredForOne.has(transform) ? ignored : null;
    case "SVMRegressor":
      return transform === "NONE" ? null : ignored;
    case "SVMClassifier":
      return isProbabilistic(node) || classLabels(node)?.length !== 2 ? null : pairFault(transform);
    case "LinearClassifier":
      // One row of coefficients; with two there are two scores from the start.
      return classLabels(node)?.length === 2 && numbersOf(node, "intercepts")?.length === 1
        ? transform === "NONE"
          ? pairIgnored
          : pairFault(transform)
        : null;
    default:
      return null;
  }
}

const mlOperators = [
  "TreeEnsembleClassifier",
  "TreeEnsembleRegressor",
  "TreeEnsemble",
  "LinearClassifier",
  "LinearRegressor",
  "SVMClassifier",
  "SVMRegressor",
];

/** Only PROBIT is applied to a single number. */
const ignoredForOne: ReadonlySet<string> = new Set(["LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]);

function pairFault(transform: string): string | null {
  if (transform === "PROBIT") return uninitialised;
  return transform === "SOFTMAX" || transform === "SOFTMAX_ZERO" ? pairIgnored : null;
}

function treeClassifierFault(node: NodeProto, transform: string): string | null {
  const classes = classLabels(node)?.length ?? 0;
  if (classes === 1) return oneClass;
  if (classes !== 2) return null;
  if (transform === "PROBIT") return uninitialised;
  const bases = baseValues(node);
  if (bases === 2) return twoBases;
  const scored = scoredClasses(node);
  if (scored.size === 2) {
    if (bases === 1) return twoBases;
    return scoresEveryRow(node, 1) ? null : someRows;
  }
  return scored.has(1) ? secondAlone : pairFault(transform);
}

function baseValues(node: NodeProto): number {
  const tensor = attribute(node, "base_values_as_tensor")?.t;
  return tensor === undefined ? (numbersOf(node, "base_values")?.length ?? 0) : Number(tensor.dims[0] ?? 0n);
}

/** Whether an SVMClassifier returns probabilities: it has the parameters of Platt's scaling. */
export function isProbabilistic(node: NodeProto): boolean {
  return (numbersOf(node, "prob_a")?.length ?? 0) > 0;
}

function isOne(node: NodeProto, name: string): boolean {
  return (attribute(node, name)?.i ?? 1n) === 1n;
}

const transforms = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"] as const;

/** The node's `post_transform`, by name; in a TreeEnsemble it is a number. */
export function transformOf(node: NodeProto): string {
  if (node.opType === "TreeEnsemble")
    return transforms[Number(attribute(node, "post_transform")?.i ?? 0n)] ?? "?";
  return textOf(node, "post_transform") ?? "NONE";
}
