import type { GraphProto, NodeProto, TensorProto } from "#onnx-proto";
import { attribute, numbersInTensor } from "./attributes.js";

/** A graph indexed by the names of its values, without subgraphs. */
export interface GraphIndex {
  readonly graph: GraphProto;
  readonly producers: ReadonlyMap<string, NodeProto>;
  readonly consumers: ReadonlyMap<string, readonly NodeProto[]>;
  readonly initializers: ReadonlyMap<string, TensorProto>;
}

export function indexGraph(graph: GraphProto): GraphIndex {
  const producers = new Map<string, NodeProto>();
  const consumers = new Map<string, NodeProto[]>();
  for (const node of graph.node) {
    for (const name of node.output) producers.set(name, node);
    for (const name of node.input) {
      const known = consumers.get(name);
      if (known === undefined) consumers.set(name, [node]);
      else known.push(node);
    }
  }
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  return { graph, producers, consumers, initializers };
}

/** Operators are also distinguished by domain, because a custom operator may be named `ZipMap`. */
export function isOperator(node: NodeProto, domain: "ai.onnx" | "ai.onnx.ml", opType: string): boolean {
  const own = node.domain === "" ? "ai.onnx" : node.domain;
  return own === domain && node.opType === opType;
}

const identities = [["ai.onnx", "Identity"]] as const;

/**
 * Returns the tensor of a value that is the same for all rows: an initializer, or the value of a Constant.
 */
export function constantOf({ initializers, producers }: GraphIndex, name: string): TensorProto | null {
  const initializer = initializers.get(name);
  if (initializer !== undefined) return initializer;
  const node = producers.get(name);
  return node !== undefined && isOperator(node, "ai.onnx", "Constant")
    ? (attribute(node, "value")?.t ?? null)
    : null;
}

/**
 * Returns the input that is passed through because the other operand has no effect: times or divided by 1,
 * plus or minus 0.
 */
function unchangedInput(
  index: GraphIndex,
  node: NodeProto,
  maxRank = Number.POSITIVE_INFINITY,
): string | null {
  const neutral = neutrals.find(([opType]) => isOperator(node, "ai.onnx", opType))?.[1];
  const [a, b] = node.input;
  if (neutral === undefined || a === undefined || b === undefined) return null;
  const isNeutral = (name: string): boolean => {
    const tensor = constantOf(index, name);
    const numbers = tensor === null || tensor.dims.length > maxRank ? null : numbersInTensor(tensor);
    return numbers !== null && numbers.length > 0 && numbers.every((number) => number === neutral);
  };
  if (isNeutral(b)) return a;
  return ["Mul", "Add"].includes(node.opType) && isNeutral(a) ? b : null;
}

const neutrals = [
  ["Mul", 1],
  ["Div", 1],
  ["Add", 0],
  ["Sub", 0],
] as const;

/**
 * Returns the input that an operator passes through unchanged in the same shape: an Identity's, or the other
 * factor of 1.
 */
export function sameInput(index: GraphIndex, node: NodeProto): string | null {
  return isOperator(node, "ai.onnx", "Identity") ? (node.input[0] ?? null) : unchangedInput(index, node, 0);
}

const copies = [
  ["ai.onnx", "Identity"],
  ["ai.onnx", "Cast"],
  ["ai.onnx", "Reshape"],
  ["ai.onnx", "Squeeze"],
  ["ai.onnx", "Unsqueeze"],
  ["ai.onnx", "Flatten"],
] as const;

const aligned = [
  ...copies,
  ["ai.onnx.ml", "Normalizer"],
  ["ai.onnx", "Sub"],
  ["ai.onnx", "Div"],
  ["ai.onnx", "Exp"],
  ["ai.onnx", "Sigmoid"],
  ["ai.onnx", "Softmax"],
  ["ai.onnx", "LogSoftmax"],
  ["ai.onnx", "LpNormalization"],
] as const;

/**
 * Returns the value and its predecessors, back to the first.
 * @param through `identities`: only copies of the same shape; `copies`: operators that keep every value;
 * `aligned`: also operators that keep every column in place
 */
export function walkBack(
  index: GraphIndex,
  name: string,
  through: "identities" | "copies" | "aligned",
): readonly string[] {
  const operators = { identities, copies, aligned }[through];
  const path = new Set([name]);
  for (let at = name; ; ) {
    const node = index.producers.get(at);
    if (node === undefined) return [...path];
    const isOne = operators.some(([domain, opType]) => isOperator(node, domain, opType));
    const from =
      unchangedInput(index, node, through === "identities" ? 0 : undefined) ??
      (isOne ? node.input[0] : undefined);
    if (from === undefined || path.has(from)) return [...path];
    path.add(from);
    at = from;
  }
}
