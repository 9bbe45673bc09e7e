/** Whether a model knows missing values: some operator has to take NaN for one, or else it goes through every sum. */

import type { NodeProto } from "#onnx-proto";
import { numbersOf } from "./attributes.js";
import type { OnnxModel } from "./model-proto.js";

/** Operators of these domains are known; of any other one it is not known what it does. */
const knownDomains: ReadonlySet<string> = new Set(["", "ai.onnx", "ai.onnx.ml", "com.microsoft"]);

/** Operators that copy values, and compute nothing from them. */
const copying: ReadonlySet<string> = new Set([
  "Identity",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Transpose",
  "Concat",
]);

/**
 * Returns `false` where no operator takes NaN for a missing value. `true` says that one does, not that every column reaches
 * it: only trying the model tells. `null`: the model only copies values, so a missing value stays one in the output.
 */
export function knowsMissing({ graph, functions }: OnnxModel): boolean | null {
  if (graph.node.every(({ opType, domain }) => copying.has(opType) && knownDomains.has(domain))) return null;
  const own = new Set(functions.map(({ domain }) => domain));
  const nodes = [...graph.node, ...functions.flatMap(({ node }) => node)];
  return nodes.some((node) => {
    if (!knownDomains.has(node.domain)) return !own.has(node.domain);
    if (node.opType === "Imputer" || node.opType === "IsNaN") return true;
    return node.opType.startsWith("TreeEnsemble") && tracksMissing(node);
  });
}

/** Trees that were trained on missing values say at each node where they go. */
function tracksMissing(node: NodeProto): boolean {
  return numbersOf(node, "nodes_missing_value_tracks_true")?.some((tracks) => tracks !== 0) ?? false;
}
