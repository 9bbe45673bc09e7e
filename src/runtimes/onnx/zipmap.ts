/**
 * ZipMap out of the graph. Exporters end a classifier with it, to give one dictionary a row; that output can't be
 * fetched as a tensor, and is slow. What went into it is what people want.
 */
import { create } from "@bufbuild/protobuf";
import { TensorProto_DataType, TypeProtoSchema, type ValueInfoProto } from "#onnx-proto";
import { classLabels } from "./attributes.js";
import { type GraphIndex, indexGraph, isOperator } from "./graph-index.js";
import { importStandardOperators, type OnnxModel } from "./model-proto.js";

export type ClassLabels = readonly (string | number)[];

/**
 * Turns every ZipMap that only feeds graph outputs into an Identity, in place: the output keeps its public name and
 * becomes the [N, classes] float32 tensor. Returns the class labels by the name of the value that ZipMap made; an empty
 * map means that the model is untouched.
 */
export function removeZipMaps(model: OnnxModel): ReadonlyMap<string, ClassLabels> {
  const index = indexGraph(model.graph);
  const removed = new Map<string, ClassLabels>();
  for (const node of model.graph.node) {
    const made = node.output[0];
    if (made === undefined || !isOperator(node, "ai.onnx.ml", "ZipMap")) continue;
    const names = reachedByIdentity(index, made);
    const labels = classLabels(node);
    if (names === null || labels === null) continue;
    node.opType = "Identity";
    node.domain = "";
    node.attribute = [];
    declareProbabilities(model, names, labels.length);
    removed.set(made, labels);
  }
  if (removed.size > 0) importStandardOperators(model);
  return removed;
}

/** The value and its copies, or `null` when another operator reads one of them as the sequence that it is. */
function reachedByIdentity(index: GraphIndex, name: string): ReadonlySet<string> | null {
  const names = new Set([name]);
  for (const reached of names)
    for (const consumer of index.consumers.get(reached) ?? []) {
      if (!isOperator(consumer, "ai.onnx", "Identity")) return null;
      for (const copy of consumer.output) names.add(copy);
    }
  return names;
}

function declareProbabilities(model: OnnxModel, names: ReadonlySet<string>, classes: number): void {
  const declare = (info: ValueInfoProto): void => {
    if (names.has(info.name)) info.type = probabilitiesType(classes);
  };
  model.graph.output.forEach(declare);
  model.graph.valueInfo.forEach(declare);
}

function probabilitiesType(classes: number) {
  return create(TypeProtoSchema, {
    value: {
      case: "tensorType",
      value: {
        elemType: TensorProto_DataType.FLOAT,
        shape: { dim: [{}, { value: { case: "dimValue", value: BigInt(classes) } }] },
      },
    },
  });
}
