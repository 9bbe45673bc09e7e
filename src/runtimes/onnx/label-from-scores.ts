/**
 * Computes labels from the scores. The specification of TreeEnsembleClassifier assigns a row the top class.
 * For two classes ONNX Runtime uses rules of its own, which contradict the scores: it compares the raw sum
 * with 0.5 if all weights are positive, although LOGISTIC follows, and takes the second of two scored classes
 * whenever its score is positive. With several classes it ignores one that has no score for a row.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
} from "#onnx-proto";
import { attribute, classLabels, numbersOf } from "./attributes.js";
import { transformOf } from "./engine-faults.js";
import { isOperator } from "./graph-index.js";
import { importStandardOperators, type OnnxModel } from "./model-proto.js";
import { scoredClasses, scoresEveryRow } from "./trees/scored-classes.js";

/**
 * Replaces, in place, the label of every TreeEnsembleClassifier with such a rule by the class with the
 * largest score, the first of equals. @returns whether anything was changed
 */
export function takeLabelsFromScores(model: OnnxModel): boolean {
  const { graph } = model;
  const own = graph.node.filter(isOwnRule);
  for (const node of own) {
    const at = graph.node.indexOf(node);
    const named = (what: string): string => `nightshift.${what}.${at}`;
    const [label = "", scores = ""] = node.output;
    const given = scores === "" ? named("scores") : scores;
    node.output = [named("engine-label"), given];
    // Nodes have to be in an order in which they can run.
    graph.node.splice(
      at + 1,
      0,
      operator("Constant", [], named("labels"), [tensorAttribute("value", labelsOf(node))]),
      operator("ArgMax", [given], named("place"), [integer("axis", 1n), integer("keepdims", 0n)]),
      operator("Gather", [named("labels"), named("place")], label, [integer("axis", 0n)]),
    );
  }
  if (own.length > 0) importStandardOperators(model);
  return own.length > 0;
}

function isOwnRule(node: NodeProto): boolean {
  if (!isOperator(node, "ai.onnx.ml", "TreeEnsembleClassifier")) return false;
  const classes = classLabels(node)?.length ?? 0;
  if (classes > 2) {
    const hasBase = (numbersOf(node, "base_values")?.length ?? 0) > 0;
    return (
      !hasBase &&
      !Array.from({ length: classes }, (_, label) => label).every((label) => scoresEveryRow(node, label))
    );
  }
  if (scoredClasses(node).size === 2) return true;
  // Weights in double precision are in another attribute and do not matter here.
  const weights = numbersOf(node, "class_weights");
  return transformOf(node) === "LOGISTIC" && (weights === null || weights.every((weight) => weight >= 0));
}

/** The class labels in the type of the operator's output. */
function labelsOf(node: NodeProto): TensorProto {
  const strings = attribute(node, "classlabels_strings")?.strings ?? [];
  const integers = attribute(node, "classlabels_int64s")?.ints ?? [];
  return create(
    TensorProtoSchema,
    strings.length > 0
      ? { dims: [BigInt(strings.length)], dataType: TensorProto_DataType.STRING, stringData: strings }
      : { dims: [BigInt(integers.length)], dataType: TensorProto_DataType.INT64, int64Data: integers },
  );
}

function operator(
  opType: string,
  input: string[],
  output: string,
  attributes: readonly Uint8Array[],
): NodeProto {
  return create(NodeProtoSchema, { opType, input, output: [output], attribute: [...attributes] });
}

function integer(name: string, i: bigint): Uint8Array {
  const init = create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i });
  return toBinary(AttributeProtoSchema, init);
}

function tensorAttribute(name: string, t: TensorProto): Uint8Array {
  const init = create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.TENSOR, t });
  return toBinary(AttributeProtoSchema, init);
}
