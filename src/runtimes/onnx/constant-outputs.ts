/** Finds outputs that do not depend on the input: names of classes, versions, thresholds. */

import type { GraphProto, NodeProto } from "#onnx-proto";
import { attributesWithTensors } from "./attributes.js";
import { isOperator } from "./graph-index.js";

/** Returns the names of the outputs that depend on no input of the graph. */
export function constantOutputs(graph: GraphProto): ReadonlySet<string> {
  const initializers = new Set(graph.initializer.map(({ name }) => name));
  const varying = new Set(graph.input.map(({ name }) => name).filter((name) => !initializers.has(name)));
  const made = new Set<string>();
  // The specification requires an order of nodes in which every value is produced before it is used.
  for (const node of graph.node) {
    const varies = node.input.some((name) => varying.has(name)) || variesByItself(node);
    for (const name of node.output) {
      made.add(name);
      if (varies) varying.add(name);
    }
  }
  const constant = graph.output
    .map(({ name }) => name)
    .filter((name) => !varying.has(name) && (made.has(name) || initializers.has(name)));
  return new Set(constant);
}

const random = [
  "RandomNormal",
  "RandomUniform",
  "RandomNormalLike",
  "RandomUniformLike",
  "Multinomial",
  "Bernoulli",
];

/**
 * Random numbers need no input; a graph inside a node may read values that are not among the node's inputs.
 */
function variesByItself(node: NodeProto): boolean {
  return (
    random.some((opType) => isOperator(node, "ai.onnx", opType)) ||
    attributesWithTensors(node).some(({ g, graphs }) => g !== undefined || graphs.length > 0)
  );
}
