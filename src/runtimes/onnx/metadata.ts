/** Reads a model's metadata, for `inspect` and for feature names. */
import type { Signature, TensorSpec } from "../../data/tensor.js";
import type { OnnxModel } from "./model-proto.js";

/** Returns `metadata_props` unchanged; keys from other fields of the file start with `onnx.`. */
export function modelMetadata(
  model: OnnxModel,
  droppedOutputs: readonly string[],
  constantOutputs: readonly string[],
): Signature["metadata"] {
  const producer = [model.producerName, model.producerVersion].filter((part) => part !== "").join(" ");
  const facts: { readonly [key: string]: string } = {
    "onnx.producer": producer,
    "onnx.opset": opsets(model),
    "onnx.ir_version": model.irVersion.toString(),
    "onnx.dropped_outputs": droppedOutputs.join("; "),
    "onnx.constant_outputs": constantOutputs.join("; "),
  };
  return Object.fromEntries([
    ...model.metadataProps.map(({ key, value }) => [key, value] as const),
    ...Object.entries(facts).filter(([, value]) => value !== ""),
  ]);
}

/** Some exporters import a domain twice. */
function opsets(model: OnnxModel): string {
  const names = model.opsetImport.map(
    ({ domain, version }) => `${domain === "" ? "ai.onnx" : domain} ${version}`,
  );
  return [...new Set(names)].join(", ");
}

const featureNameKeys = ["feature_names", "feature_names_in_", "featureNames", "input_features", "features"];

/**
 * Returns the feature names of the single input matrix. Names whose number differs from its width describe
 * something else and are ignored.
 */
export function featureNames(model: OnnxModel, inputs: readonly TensorSpec[]): readonly string[] | null {
  const [input, ...others] = inputs;
  if (input === undefined || others.length > 0) return null;
  const width = input.shape?.length === 2 ? input.shape[1] : null;
  for (const wanted of featureNameKeys) {
    const value = model.metadataProps.find(({ key }) => key === wanted)?.value;
    const names = value === undefined ? [] : parseNames(value);
    if (names.length > 0 && (typeof width !== "number" || names.length === width)) return names;
  }
  return null;
}

/** A JSON list of strings, or names between commas. */
function parseNames(value: string): readonly string[] {
  try {
    const parsed: unknown = JSON.parse(value);
    return Array.isArray(parsed) && parsed.every((name) => typeof name === "string") ? parsed : [];
  } catch {
    const names = value.split(",").map((name) => name.trim());
    return names.every((name) => /^[^[\]{}"']+$/.test(name)) ? names : [];
  }
}
