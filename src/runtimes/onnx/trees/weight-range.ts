import type { NodeProto } from "#onnx-proto";
import { attribute, numbersOf, textOf } from "../attributes.js";

/**
 * Returns bounds of an ensemble's sums over all outputs: for each tree, the smallest and the largest weight
 * for an output; a leaf without one counts as zero. Unbounded if the weights are in other attributes, or if
 * the results are not plain sums.
 */
export function weightRange(
  node: NodeProto,
  kind: "class" | "target",
): { readonly low: number; readonly high: number } {
  const unknown = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const trees = numbersOf(node, `${kind}_treeids`);
  const ids = numbersOf(node, `${kind}_ids`);
  const weights = numbersOf(node, `${kind}_weights`);
  if (trees === null || ids === null || weights === null || weights.length !== ids.length) return unknown;
  const isSum = (textOf(node, "aggregate_function") ?? "SUM") === "SUM";
  if (!isSum || attribute(node, "base_values_as_tensor") !== null) return unknown;
  const bases = numbersOf(node, "base_values") ?? new Float64Array();
  const bounds = new Map<string, { low: number; high: number }>();
  for (let i = 0; i < weights.length; i++) {
    const key = `${ids[i]} ${trees[i]}`;
    const weight = weights[i] ?? 0;
    const bound = bounds.get(key) ?? { low: weight, high: weight };
    bound.low = Math.min(bound.low, weight);
    bound.high = Math.max(bound.high, weight);
    bounds.set(key, bound);
  }
  const sums = new Map<number, { low: number; high: number }>();
  for (const [key, { low, high }] of bounds) {
    const id = Number(key.split(" ")[0]);
    const sum = sums.get(id) ?? { low: bases[id] ?? 0, high: bases[id] ?? 0 };
    sum.low += Math.min(low, 0);
    sum.high += Math.max(high, 0);
    sums.set(id, sum);
  }
  const found = [...sums.values()];
  return {
    low: Math.min(0, ...found.map(({ low }) => low)),
    high: Math.max(0, ...found.map(({ high }) => high)),
  };
}
