/**
 * Finds where a graph decides for a class: a classifier operator, or `classes[argmax(scores)]` in separate
 * operators.
 */

import type { NodeProto } from "#onnx-proto";
import { attribute, classLabels, labelsInTensor } from "./attributes.js";
import { type GraphIndex, isOperator, walkBack } from "./graph-index.js";
import type { ClassLabels } from "./zipmap.js";

export interface Decision {
  /** The value that holds the chosen class. */
  readonly label: string;
  /**
   * Values with one score for each class, in the order of `labels`. Empty if the scores have another form.
   */
  readonly scores: ReadonlySet<string>;
  readonly labels: ClassLabels;
  /** Values with one score for each pair of classes. */
  readonly unlabelled: ReadonlySet<string>;
}

/**
 * In the order of the graph: of two decisions on the same scores, the later one has the labels that users
 * know.
 */
export function decisions(index: GraphIndex): readonly Decision[] {
  return index.graph.node
    .map((node) => (isClassifier(node) ? classifierDecision(node) : lookedUpDecision(index, node)))
    .filter((decision) => decision !== null);
}

function isClassifier(node: NodeProto): boolean {
  return ["TreeEnsembleClassifier", "LinearClassifier", "SVMClassifier"].some((opType) =>
    isOperator(node, "ai.onnx.ml", opType),
  );
}

/** Classifiers have two outputs: the label, then the scores. */
function classifierDecision(node: NodeProto): Decision | null {
  const [label, scores] = node.output;
  const labels = classLabels(node);
  if (label === undefined || labels === null) return null;
  // Without `prob_a`, a support vector machine has one score for each pair of classes.
  const isPairwise = node.opType === "SVMClassifier" && (attribute(node, "prob_a")?.floats.length ?? 0) === 0;
  const given = new Set(scores === undefined ? [] : [scores]);
  return isPairwise
    ? { label, scores: new Set(), labels, unlabelled: given }
    : { label, scores: given, labels, unlabelled: new Set() };
}

/** The form in which scikit-learn's exporter writes classifiers without an operator of their own. */
function lookedUpDecision(index: GraphIndex, node: NodeProto): Decision | null {
  if (!isOperator(node, "ai.onnx.ml", "ArrayFeatureExtractor") && !isOperator(node, "ai.onnx", "Gather"))
    return null;
  const [classes = "", position = ""] = node.input;
  const tensor = index.initializers.get(classes);
  const argmax = index.producers.get(walkBack(index, position, "copies").at(-1) ?? position);
  const [label, scores] = [node.output[0], argmax?.input[0]];
  if (tensor === undefined || argmax === undefined || label === undefined || scores === undefined)
    return null;
  if (!isOperator(argmax, "ai.onnx", "ArgMax")) return null;
  const labels = labelsInTensor(tensor);
  if (labels === null) return null;
  return { label, scores: new Set(walkBack(index, scores, "aligned")), labels, unlabelled: new Set() };
}
