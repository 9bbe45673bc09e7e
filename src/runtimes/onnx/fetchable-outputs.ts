/**
 * Renames outputs that the engine's JavaScript layer mishandles: it stores names and results in ordinary
 * objects, which have a `constructor` and a `toString` already, and in which `__proto__` is not a usable key.
 */
import { create } from "@bufbuild/protobuf";
import { NodeProtoSchema, OperatorSetIdProtoSchema, type ValueInfoProto } from "#onnx-proto";
import { encodeModel, type OnnxModel } from "./model-proto.js";

/** Returns the name by which an output is fetched. */
export function fetchedName(output: string): string {
  return output in Object.prototype ? `nightshift.${output}` : output;
}

/** Returns the model with copies of such outputs; `null` if it has none. The given model is not changed. */
export function withFetchableOutputs(model: OnnxModel): Uint8Array | null {
  const { graph, opsetImport } = model;
  const renamed = graph.output.filter(({ name }) => fetchedName(name) !== name);
  if (renamed.length === 0) return null;
  const copies = renamed.map(({ name }) =>
    create(NodeProtoSchema, { opType: "Identity", input: [name], output: [fetchedName(name)] }),
  );
  const output = graph.output.map((info): ValueInfoProto => ({ ...info, name: fetchedName(info.name) }));
  const isStandard = opsetImport.some(({ domain }) => domain === "" || domain === "ai.onnx");
  const standard = isStandard ? [] : [create(OperatorSetIdProtoSchema, { domain: "", version: 9n })];
  return encodeModel({
    ...model,
    graph: { ...graph, node: [...graph.node, ...copies], output },
    opsetImport: [...opsetImport, ...standard],
  });
}
