/**
 * What a classifier's outputs mean, found by walking back from an output to the operator that made it. Only what the
 * graph says without doubt is told: no role is better than a wrong one.
 */
import { attribute, classLabels, labelsInTensor } from "./attributes.js";
import { type GraphIndex, isOperator } from "./graph-index.js";
import type { NodeProto } from "./onnx_pb.js";
import type { ClassLabels } from "./zipmap.js";

export interface OutputRole {
  /** `null` where two outputs could claim it (a model of several targets). */
  readonly role: "label" | "probabilities" | null;
  /** Known for probabilities, in the order of their last dimension. */
  readonly labels: ClassLabels | null;
}

/**
 * @param zipped class labels of removed ZipMaps, by the value they made
 * @returns by graph output; outputs that nothing is known of are absent
 */
export function outputRoles(
  index: GraphIndex,
  zipped: ReadonlyMap<string, ClassLabels>,
): ReadonlyMap<string, OutputRole> {
  const argmaxes = findArgmaxes(index);
  const found = new Map<string, OutputRole>();
  for (const { name } of index.graph.output) {
    const role = roleOf(index, zipped, argmaxes, name);
    if (role !== null) found.set(name, role);
  }
  return withoutRivals(found);
}

function roleOf(
  index: GraphIndex,
  zipped: ReadonlyMap<string, ClassLabels>,
  argmaxes: readonly Argmax[],
  output: string,
): OutputRole | null {
  const path = walkBack(index, output);
  for (const name of path) {
    const labels = zipped.get(name);
    if (labels !== undefined) return { role: "probabilities", labels };
  }
  const root = path.at(-1) ?? output;
  if (argmaxes.some(({ label }) => label === root)) return { role: "label", labels: null };
  const source = index.producers.get(root);
  if (source !== undefined && isClassifier(source)) return classifierRole(source, root);
  const argmax = argmaxes.find(({ scores }) => scores === root);
  return argmax === undefined ? null : { role: "probabilities", labels: argmax.labels };
}

/** Operators that neither reorder nor mix what goes through them along the last dimension. */
const copies = [
  ["ai.onnx", "Identity"],
  ["ai.onnx", "Cast"],
  ["ai.onnx", "Reshape"],
  ["ai.onnx", "Squeeze"],
  ["ai.onnx", "Unsqueeze"],
  ["ai.onnx", "Flatten"],
  ["ai.onnx.ml", "Normalizer"],
] as const;

/** The value and the ones that it was copied, cast, reshaped or normalised from, back to the first. */
function walkBack(index: GraphIndex, name: string): readonly string[] {
  const path = [name];
  for (;;) {
    const node = index.producers.get(path.at(-1) ?? name);
    const from = node?.input[0];
    if (node === undefined || from === undefined || path.includes(from)) return path;
    if (!copies.some(([domain, opType]) => isOperator(node, domain, opType))) return path;
    path.push(from);
  }
}

function isClassifier(node: NodeProto): boolean {
  return ["TreeEnsembleClassifier", "LinearClassifier", "SVMClassifier"].some((opType) =>
    isOperator(node, "ai.onnx.ml", opType),
  );
}

/** Classifiers have two outputs: the label, then a score per class. */
function classifierRole(node: NodeProto, name: string): OutputRole | null {
  if (node.output[0] === name) return { role: "label", labels: null };
  // Without `prob_a` a support vector machine's scores are one a pair of classes.
  if (node.opType === "SVMClassifier" && (attribute(node, "prob_a")?.floats.length ?? 0) === 0) return null;
  const labels = classLabels(node);
  return labels === null ? null : { role: "probabilities", labels };
}

/** `classes[argmax(scores)]`, the way scikit-learn's exporter writes what no classifier operator covers. */
interface Argmax {
  readonly label: string;
  readonly scores: string;
  readonly labels: ClassLabels;
}

function findArgmaxes(index: GraphIndex): readonly Argmax[] {
  const found: Argmax[] = [];
  for (const node of index.graph.node) {
    const [classes, position] = node.input;
    const label = node.output[0];
    if (classes === undefined || position === undefined || label === undefined) continue;
    if (!isOperator(node, "ai.onnx.ml", "ArrayFeatureExtractor") && !isOperator(node, "ai.onnx", "Gather"))
      continue;
    const tensor = index.initializers.get(classes);
    const argmax = index.producers.get(walkBack(index, position).at(-1) ?? position);
    const scores = argmax?.input[0];
    if (tensor === undefined || argmax === undefined || scores === undefined) continue;
    if (!isOperator(argmax, "ai.onnx", "ArgMax")) continue;
    const labels = labelsInTensor(tensor);
    if (labels !== null) found.push({ label, scores: walkBack(index, scores).at(-1) ?? scores, labels });
  }
  return found;
}

function withoutRivals(found: ReadonlyMap<string, OutputRole>): ReadonlyMap<string, OutputRole> {
  const claims = (role: OutputRole["role"]): number =>
    [...found.values()].filter((other) => other.role === role).length;
  return new Map(
    [...found].map(([name, known]) => [name, claims(known.role) === 1 ? known : { ...known, role: null }]),
  );
}
