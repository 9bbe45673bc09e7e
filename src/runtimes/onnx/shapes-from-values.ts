/**
 * Whether the shape of any tensor can depend on a row's values. Usually none does: then shapes in the
 * engine's messages reveal nothing about rows and may be shown.
 */

import type { GraphProto, NodeProto } from "#onnx-proto";
import { attributesWithTensors } from "./attributes.js";

/** Operands that are shapes, sizes, counts or bounds, by operator. */
const sizeOperands: ReadonlyMap<string, readonly number[]> = new Map([
  ["Reshape", [1]],
  ["Expand", [1]],
  ["ConstantOfShape", [0]],
  ["Range", [0, 1, 2]],
  ["Tile", [1]],
  ["Slice", [1, 2, 3, 4]],
  ["Pad", [1]],
  ["Resize", [1, 2, 3]],
  ["Upsample", [1]],
  ["OneHot", [1]],
  ["TopK", [1]],
  ["Split", [1]],
  ["Squeeze", [1]],
  ["Unsqueeze", [1]],
  ["CenterCropPad", [1]],
  ["MaxUnpool", [2]],
]);

/** Operators whose number of results depends on the values. */
const countingOperators: ReadonlySet<string> = new Set([
  "NonZero",
  "Compress",
  "Unique",
  "StringSplit",
  "TfIdfVectorizer",
  "Tokenizer",
  "NonMaxSuppression",
]);

export function shapesFollowValues(graph: GraphProto): boolean {
  const initializers = new Set(graph.initializer.map(({ name }) => name));
  const fromValues = new Set(graph.input.map(({ name }) => name).filter((name) => !initializers.has(name)));
  for (const node of graph.node) {
    if (!isKnown(node)) return true;
    const isFromValues = (name: string | undefined): boolean => name !== undefined && fromValues.has(name);
    const sizes = (sizeOperands.get(node.opType) ?? []).map((place) => node.input[place]);
    if (sizes.some(isFromValues)) return true;
    if (countingOperators.has(node.opType) && node.input.some(isFromValues)) return true;
    // The results of these operators are shapes, not values.
    if (node.opType === "Shape" || node.opType === "Size") continue;
    if (node.input.some(isFromValues)) for (const name of node.output) fromValues.add(name);
  }
  return false;
}

/** Graphs inside operators and custom operators are not analysed. */
function isKnown(node: NodeProto): boolean {
  const isStandard = ["", "ai.onnx", "ai.onnx.ml"].includes(node.domain);
  return (
    isStandard && attributesWithTensors(node).every(({ g, graphs }) => g === undefined && graphs.length === 0)
  );
}
