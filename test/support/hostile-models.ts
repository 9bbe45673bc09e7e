/** Models made to do harm, or by a bug. Input `x` is [N, 2] unless said otherwise. */
import { create } from "@bufbuild/protobuf";
import { AttributeProto_AttributeType, TensorProtoSchema } from "#onnx-proto";
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import { encoded, floats, graph, integers, model, node, texts, types, value } from "./onnx-models.js";

const input = value("x", types.FLOAT, ["N", 2]);
const output = value("y", types.FLOAT, ["N", 2]);

function truth(name: string) {
  return create(TensorProtoSchema, { name, dataType: types.BOOL, dims: [], int32Data: [1] });
}

function subgraph(name: string, body: ReturnType<typeof graph>): Uint8Array {
  return encoded({ name, type: AttributeProto_AttributeType.GRAPH, g: body });
}

/** Batches of more rows than this make a loop begin: planning tries fewer, so the run is the first to meet it. */
const harmlessRows = 40n;

/** Nodes and values that make `yes` true for batches of many rows only. */
function inLargeBatches() {
  return {
    node: [
      node({ op: "Shape", in: ["x"], out: ["shape"] }),
      node({ op: "Gather", in: ["shape", "first"], out: ["rows"] }),
      node({ op: "Greater", in: ["rows", "harmless"], out: ["many"] }),
      node({ op: "Squeeze", in: ["many"], out: ["yes"] }),
    ],
    initializer: [integers("first", [0n]), integers("harmless", [harmlessRows])],
  };
}

/**
 * Adds zero to `x` for as long as true is true.
 * @param declared shape of the output
 * @param begins with any batch, or only where planning does not see it
 */
export function endlessLoop(
  declared: readonly (number | string)[] | null = ["N", 2],
  begins: "always" | "in-large-batches" = "always",
): OnnxModel {
  const { node: before, initializer } =
    begins === "always" ? { node: [], initializer: [truth("yes")] } : inLargeBatches();
  const body = graph({
    node: [
      node({ op: "Identity", in: ["going"], out: ["goes_on"] }),
      node({ op: "Add", in: ["carried", "zero"], out: ["carries_on"] }),
    ],
    input: [value("i", types.INT64, []), value("going", types.BOOL, []), value("carried", types.FLOAT, null)],
    output: [value("goes_on", types.BOOL, []), value("carries_on", types.FLOAT, null)],
  });
  return model({
    node: [
      ...before,
      node({ op: "Loop", in: ["", "yes", "x"], out: ["y"], encoded: [subgraph("body", body)] }),
    ],
    initializer: [...initializer, floats("zero", [1], [0])],
    input: [input],
    output: [value("y", types.FLOAT, declared)],
  });
}

/** An endless loop over large batches that keeps a megabyte of each turn. */
export function hoardingLoop(): OnnxModel {
  const { node: before, initializer } = inLargeBatches();
  const body = graph({
    node: [
      node({ op: "Identity", in: ["going"], out: ["goes_on"] }),
      node({ op: "Identity", in: ["carried"], out: ["carries_on"] }),
      node({ op: "Expand", in: ["one", "size"], out: ["kept"] }),
    ],
    input: [value("i", types.INT64, []), value("going", types.BOOL, []), value("carried", types.FLOAT, null)],
    output: [
      value("goes_on", types.BOOL, []),
      value("carries_on", types.FLOAT, null),
      value("kept", types.FLOAT, null),
    ],
  });
  return model({
    node: [
      ...before,
      node({ op: "Loop", in: ["", "yes", "x"], out: ["y", "hoard"], encoded: [subgraph("body", body)] }),
    ],
    initializer: [...initializer, floats("one", [1], [1]), integers("size", [262_144n])],
    input: [input],
    output: [output],
  });
}

/** Asks for this many float32 at once, while it is loaded (its shape is a constant) or while it predicts. */
export function hugeTensor(elements: bigint, when: "loading" | "predicting"): OnnxModel {
  const early = when === "loading";
  return model({
    node: [
      ...(early ? [] : [node({ op: "Shape", in: ["x"], out: ["shape"] })]),
      ...(early ? [] : [node({ op: "Mul", in: ["shape", "size"], out: ["grown"] })]),
      node({ op: "ConstantOfShape", in: [early ? "size" : "grown"], out: ["huge"] }),
      node({ op: "ReduceSum", in: ["huge"], out: ["sum"], with: { keepdims: 0n } }),
      node({ op: "Add", in: ["x", "sum"], out: ["y"] }),
    ],
    initializer: [integers("size", early ? [elements] : [elements, 1n])],
    input: [input],
    output: [output],
  });
}

/** An initializer that claims to be large and brings nothing. */
export function emptyPromise(elements: bigint): OnnxModel {
  return model({
    node: [node({ op: "Add", in: ["x", "w"], out: ["y"] })],
    initializer: [create(TensorProtoSchema, { name: "w", dataType: types.FLOAT, dims: [elements, 2n] })],
    input: [input],
    output: [output],
  });
}

/** `y` is made of `z`, and `z` of `y`. */
export function cycle(): OnnxModel {
  return model({
    node: [node({ op: "Add", in: ["x", "z"], out: ["y"] }), node({ op: "Identity", in: ["y"], out: ["z"] })],
    input: [input],
    output: [output],
  });
}

/** An Add of numbers and texts. */
export function wrongTypes(): OnnxModel {
  return model({
    node: [node({ op: "Add", in: ["x", "t"], out: ["y"] })],
    initializer: [texts("t", ["a", "b"])],
    input: [input],
    output: [output],
  });
}

/** A number of copies in a row. */
export function chain(length: number): OnnxModel {
  return model({
    node: Array.from({ length }, (_, i) =>
      node({
        op: "Identity",
        in: [i === 0 ? "x" : `v${i - 1}`],
        out: [i === length - 1 ? "y" : `v${i}`],
      }),
    ),
    input: [input],
    output: [output],
  });
}

/** An If in an If in an If…, written from the inside out. */
export function nestedIfs(depth: number): OnnxModel {
  let body = graph({
    node: [node({ op: "Identity", in: ["x"], out: ["inner"] })],
    output: [value("inner", types.FLOAT, ["N", 2])],
  });
  let attributes = [subgraph("then_branch", body), subgraph("else_branch", body)];
  for (let level = 0; level < depth; level++) {
    body = graph({
      node: [
        node({ op: "If", in: ["yes"], out: [`o${level}`], encoded: [attributes[0] ?? new Uint8Array()] }),
      ],
      output: [value(`o${level}`, types.FLOAT, ["N", 2])],
    });
    attributes = [subgraph("then_branch", body)];
  }
  return model({
    node: [node({ op: "If", in: ["yes"], out: ["y"], encoded: attributes })],
    initializer: [truth("yes")],
    input: [input],
    output: [output],
  });
}

/** Nested messages of a given depth: `ModelProto.graph.node.attribute.g.node...` as raw bytes. */
export function deepNesting(depth: number): Uint8Array {
  const fields = [0x3a, 0x0a, 0x2a, 0x32];
  let bytes: Uint8Array = new Uint8Array(0);
  for (let level = depth; level > 0; level--) {
    const tag = level === 1 ? 0x3a : (fields[1 + ((level - 2) % 3)] ?? 0x0a);
    const size = varint(bytes.length);
    const outer = new Uint8Array(1 + size.length + bytes.length);
    outer.set([tag, ...size]);
    outer.set(bytes, 1 + size.length);
    bytes = outer;
  }
  return bytes;
}

function varint(size: number): readonly number[] {
  return size < 0x80 ? [size] : [(size & 0x7f) | 0x80, ...varint(size >>> 7)];
}
