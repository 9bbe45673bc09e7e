import type { GraphProto, NodeProto, TensorProto } from "./onnx_pb.js";

/** A graph by the names of its values. Subgraphs are not in it. */
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

/** Operators are told apart by domain too: anybody may name theirs `ZipMap`. */
export function isOperator(node: NodeProto, domain: "ai.onnx" | "ai.onnx.ml", opType: string): boolean {
  const own = node.domain === "" ? "ai.onnx" : node.domain;
  return own === domain && node.opType === opType;
}

const identities = [["ai.onnx", "Identity"]] as const;

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
] as const;

/**
 * The value and the ones it came from, back to the first.
 * @param through `identities`: only copies of the same shape; `copies`: operators that keep every value; `aligned`: also
 * ones that keep every column in place
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
    const from = node?.input[0];
    if (node === undefined || from === undefined || path.has(from)) return [...path];
    if (!operators.some(([domain, opType]) => isOperator(node, domain, opType))) return [...path];
    path.add(from);
    at = from;
  }
}
