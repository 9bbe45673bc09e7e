/**
 * Recognises models that consist only of trees: one TreeEnsemble on the model's single input. They can run on
 * the compiled kernel, several times faster than on the engine. Everything that is not fully understood stays
 * with the engine.
 */

import { type NodeProto, TensorProto_DataType } from "#onnx-proto";
import { attribute, attributeNames, classLabels, numbersOf, textOf } from "../attributes.js";
import { transformOf } from "../engine-faults.js";
import { type GraphIndex, indexGraph, isOperator, sameInput, walkBack } from "../graph-index.js";
import type { OnnxModel } from "../model-proto.js";
import { declaredTensor } from "../value-info.js";
import type { ClassLabels } from "../zipmap.js";
import { type Ensemble, readEnsemble } from "./ensemble.js";

export interface TreeModel {
  readonly input: string;
  readonly ensemble: Ensemble;
  /** Number of sums for each row. */
  readonly sums: number;
  /** Added to each sum; zeros if the model has none. */
  readonly base: readonly number[];
  readonly result: TreeResult;
  /** Content of each output of the model. */
  readonly outputs: ReadonlyMap<string, "label" | "scores">;
}

/** How sums become outputs, in the terms of the operator's specification. */
export type TreeResult =
  | { readonly kind: "numbers"; readonly divideBy: number; readonly transform: NumberTransform }
  /** One sum decides between two classes: the second if it is greater than `threshold`. */
  | {
      readonly kind: "binary";
      readonly labels: ClassLabels;
      readonly threshold: number;
      readonly form: BinaryForm;
    }
  | { readonly kind: "classes"; readonly labels: ClassLabels; readonly transform: ClassTransform };

/** Scores derived from the sum s: `share` (1 - s, s), `logit` the logistic of (-s, s), `margin` (-s, s). */
export type BinaryForm = "share" | "logit" | "margin";
export type NumberTransform = "none" | "logistic";
export type ClassTransform = "none" | "logistic" | "softmax";

/** Returns `null` if the model contains anything else, or trees that only the engine supports. */
export function treeModelOf(model: OnnxModel): TreeModel | null {
  const index = indexGraph(model.graph);
  const trees = model.graph.node.filter((node) => node.opType.startsWith("TreeEnsemble"));
  const [node] = trees;
  const input = node === undefined ? null : onlyInput(index, node);
  if (node === undefined || trees.length > 1 || input === null) return null;
  if (attributeNames(node).some((name) => !knownAttributes.test(name))) return null;
  if (isOperator(node, "ai.onnx.ml", "TreeEnsembleRegressor")) return regressor(index, node, input);
  if (isOperator(node, "ai.onnx.ml", "TreeEnsembleClassifier")) return classifier(index, node, input);
  return null;
}

/** Newer attributes contain the same in double precision. */
const knownAttributes =
  /^(nodes_(treeids|nodeids|featureids|values|hitrates|modes|truenodeids|falsenodeids|missing_value_tracks_true)|(class|target)_(treeids|nodeids|ids|weights)|classlabels_(strings|int64s)|base_values|post_transform|n_targets|aggregate_function)$/;

function regressor(index: GraphIndex, node: NodeProto, input: string): TreeModel | null {
  const outputs = shownOutputs(index, [[node.output[0], "scores"]]);
  const sums = Number(attribute(node, "n_targets")?.i ?? 0n);
  const aggregate = textOf(node, "aggregate_function") ?? "SUM";
  if (outputs === null || !(sums >= 1 && sums <= maxSums)) return null;
  const transform = numberTransforms.get(transformOf(node));
  if (!["SUM", "AVERAGE"].includes(aggregate) || transform === undefined) return null;
  const ensemble = readEnsemble(node, "target", sums);
  const base = baseOf(node, sums);
  if (ensemble === null || base === null) return null;
  const divideBy = aggregate === "AVERAGE" ? ensemble.trees.length : 1;
  return { input, ensemble, sums, base, result: { kind: "numbers", divideBy, transform }, outputs };
}

const numberTransforms: ReadonlyMap<string, NumberTransform> = new Map<string, NumberTransform>([
  ["NONE", "none"],
  ["LOGISTIC", "logistic"],
]);

function classifier(index: GraphIndex, node: NodeProto, input: string): TreeModel | null {
  const labels = classLabels(node);
  const outputs = shownOutputs(index, [
    [node.output[0], "label"],
    [node.output[1], "scores"],
  ]);
  if (labels === null || outputs === null || labels.length < 2 || labels.length > maxSums) return null;
  const ensemble = readEnsemble(node, "class", labels.length);
  if (ensemble === null) return null;
  return labels.length === 2
    ? binary(node, { input, ensemble, outputs }, labels)
    : classes(node, { input, ensemble, outputs }, labels);
}

type Parts = Pick<TreeModel, "input" | "ensemble" | "outputs">;

/** Two classes with scores for one of them, which belong to the second. */
function binary(node: NodeProto, parts: Parts, labels: ClassLabels): TreeModel | null {
  const base = baseOf(node, 1);
  const transform = transformOf(node);
  if (base === null || !["NONE", "LOGISTIC"].includes(transform)) return null;
  if (parts.ensemble.trees.some(({ firstTarget, targets }) => firstTarget !== 0 || targets !== 1))
    return null;
  // If no weight is negative, the sum is a probability, unless LOGISTIC makes it log-odds. ONNX Runtime
  // compares that with 0.5 too, so its labels contradict the probabilities.
  const isPositive = numbersOf(node, "class_weights")?.every((weight) => weight >= 0) ?? false;
  const isShare = isPositive && transform === "NONE";
  const form = transform === "LOGISTIC" ? "logit" : isShare ? "share" : "margin";
  return { ...parts, sums: 1, base, result: { kind: "binary", labels, threshold: isShare ? 0.5 : 0, form } };
}

function classes(node: NodeProto, parts: Parts, labels: ClassLabels): TreeModel | null {
  const base = baseOf(node, labels.length);
  const transform = classTransforms.get(transformOf(node));
  if (base === null || transform === undefined) return null;
  // A class without weights has no score, which differs from a score of zero.
  const isScored = (label: number): boolean =>
    parts.ensemble.trees.some(
      ({ firstTarget, targets }) => label >= firstTarget && label < firstTarget + targets,
    );
  if (!labels.every((_, label) => isScored(label))) return null;
  return { ...parts, sums: labels.length, base, result: { kind: "classes", labels, transform } };
}

const classTransforms: ReadonlyMap<string, ClassTransform> = new Map<string, ClassTransform>([
  ["NONE", "none"],
  ["LOGISTIC", "logistic"],
  ["SOFTMAX", "softmax"],
]);

const maxSums = 4096;

/** Returns the model's single input if it is a float32 matrix that feeds the trees directly. */
function onlyInput({ graph, initializers }: GraphIndex, node: NodeProto): string | null {
  const [info, ...others] = graph.input.filter(({ name }) => !initializers.has(name));
  if (info === undefined || others.length > 0 || node.input.length !== 1 || node.input[0] !== info.name)
    return null;
  const tensor = declaredTensor(info);
  return tensor?.type === "float32" && tensor.shape?.length === 2 ? info.name : null;
}

/** Returns the node's output behind each output of the graph; `null` if one is computed differently. */
function shownOutputs(
  index: GraphIndex,
  made: readonly (readonly [string | undefined, "label" | "scores"])[],
): ReadonlyMap<string, "label" | "scores"> | null {
  const shown = new Map<string, "label" | "scores">();
  for (const { name } of index.graph.output) {
    const source = sourceOf(index, name);
    const found = made.find(([output]) => output === source);
    if (found === undefined) return null;
    shown.set(name, found[1]);
  }
  return shown.size === 0 ? null : shown;
}

/** Follows copies, and the conversion of integer labels to integers, back to the source. */
function sourceOf(index: GraphIndex, name: string): string {
  const met = [name];
  for (;;) {
    const made = met.at(-1) ?? name;
    const node = index.producers.get(made);
    if (node === undefined) return made;
    const from = sameInput(index, node) ?? (keepsLabels(index, node) ? node.input[0] : undefined);
    if (from === undefined || met.includes(from)) return made;
    met.push(from);
  }
}

function keepsLabels(index: GraphIndex, node: NodeProto): boolean {
  if (!isOperator(node, "ai.onnx", "Cast") || attribute(node, "to")?.i !== BigInt(TensorProto_DataType.INT64))
    return false;
  const [from] = walkBack(index, node.input[0] ?? "", "copies").slice(-1);
  const classifierNode = index.producers.get(from ?? "");
  return (
    classifierNode !== undefined &&
    classifierNode.output[0] === from &&
    isOperator(classifierNode, "ai.onnx.ml", "TreeEnsembleClassifier") &&
    (numbersOf(classifierNode, "classlabels_int64s")?.length ?? 0) > 0
  );
}

/** Returns one number for each sum; `null` if the model has a different number of them. */
function baseOf(node: NodeProto, sums: number): readonly number[] | null {
  const base = numbersOf(node, "base_values");
  if (base === null || base.length === 0) return new Array<number>(sums).fill(0);
  return base.length === sums ? [...base] : null;
}
