/**
 * Whether a model handles missing values: without an operator that treats NaN as missing, NaN propagates
 * through every sum.
 */

import type { NodeProto } from "#onnx-proto";
import { numbersOf } from "./attributes.js";
import type { OnnxModel } from "./model-proto.js";

/** Domains with known operators; the behaviour of other operators is unknown. */
const knownDomains: ReadonlySet<string> = new Set(["", "ai.onnx", "ai.onnx.ml", "com.microsoft"]);

/** Operators that copy values without computing anything. */
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
 * Returns `false` if no operator treats NaN as a missing value. `true`: one does, but maybe not for every
 * column, which only a trial of the model shows. `null`: the model only copies values, so a missing value
 * stays missing in the output.
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

/** Trees that were trained on missing values store at each node where they go. */
function tracksMissing(node: NodeProto): boolean {
  return numbersOf(node, "nodes_missing_value_tracks_true")?.some((tracks) => tracks !== 0) ?? false;
}
