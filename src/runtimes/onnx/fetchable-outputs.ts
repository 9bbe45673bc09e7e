/**
 * Outputs that the engine's JavaScript part mistakes: it keeps what to fetch, and what was fetched, in ordinary objects, which
 * have a `constructor` and a `toString` already, and where `__proto__` is no key. Such an output gets another name.
 */
import { create } from "@bufbuild/protobuf";
import { NodeProtoSchema, OperatorSetIdProtoSchema, type ValueInfoProto } from "#onnx-proto";
import { encodeModel, type OnnxModel } from "./model-proto.js";

/** The name to fetch an output by. */
export function fetchedName(output: string): string {
  return output in Object.prototype ? `nightshift.${output}` : output;
}

/** The model with copies in place of such outputs; `null` where it has none. The given model stays as it is. */
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
