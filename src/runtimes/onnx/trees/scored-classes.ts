/** Determines to which classes the leaves of a TreeEnsembleClassifier add scores. */

import type { NodeProto } from "#onnx-proto";
import { asciiOf, numbersOf } from "../attributes.js";

/** Returns the positions of the classes for which some leaf has a weight. */
export function scoredClasses(node: NodeProto): ReadonlySet<number> {
  return new Set(numbersOf(node, "class_ids"));
}

/** Whether every row gets a score for that class: each leaf of some tree has a weight for it. */
export function scoresEveryRow(node: NodeProto, label: number): boolean {
  const trees = numbersOf(node, "nodes_treeids") ?? new Float64Array();
  const scoredTrees = numbersOf(node, "class_treeids") ?? new Float64Array();
  const ids = numbersOf(node, "class_ids") ?? new Float64Array();
  // By tree: the leaves without a weight for the class.
  const without = new Map<number, number>();
  for (const [i, mode] of asciiOf(node, "nodes_modes").entries())
    if (mode === "LEAF") without.set(trees[i] ?? -1, (without.get(trees[i] ?? -1) ?? 0) + 1);
  for (let i = 0; i < ids.length; i++)
    if (ids[i] === label) without.set(scoredTrees[i] ?? -1, (without.get(scoredTrees[i] ?? -1) ?? 0) - 1);
  return [...without.values()].includes(0);
}
