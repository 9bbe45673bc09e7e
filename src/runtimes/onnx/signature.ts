/** Reads the signature of a cleaned-up graph: inputs, outputs and metadata. */

import type { Dimension, Signature, TensorSpec } from "../../data/tensor.js";
import { ModelError } from "../../errors.js";
import { attribute } from "./attributes.js";
import { constantOutputs } from "./constant-outputs.js";
import { type GraphIndex, indexGraph, isOperator, walkBack } from "./graph-index.js";
import { featureNames, modelMetadata } from "./metadata.js";
import { knowsMissing } from "./missing-values.js";
import type { OnnxModel } from "./model-proto.js";
import { type OutputRole, outputRoles } from "./output-roles.js";
import { declaredInput, declaredTensor, describeType } from "./value-info.js";
import type { ClassLabels } from "./zipmap.js";

/**
 * @param zipped class labels of removed ZipMaps, by the value they made
 * @throws ModelError `model.unsupported-input`, `model.unsupported-output`
 */
export function readSignature(
  model: OnnxModel,
  zipped: ReadonlyMap<string, ClassLabels>,
  path: string,
): Signature {
  const inputs = readInputs(model, path);
  const fixedBatch = readFixedBatch(inputs, path);
  const batch = fixedBatch ?? symbolicBatch(inputs);
  const { outputs, dropped, constant } = readOutputs(model, zipped, batch, path);
  const missing = knowsMissing(model);
  return {
    inputs,
    outputs,
    fixedBatch,
    ...(missing === null ? {} : { knowsMissing: missing }),
    metadata: modelMetadata(model, dropped, constant),
    featureNames: featureNames(model, inputs),
  };
}

/** Older exporters list initializers among the inputs, although they have values already. */
function readInputs(model: OnnxModel, path: string): readonly TensorSpec[] {
  const initializers = new Set([
    ...model.graph.initializer.map(({ name }) => name),
    ...model.graph.sparseInitializer.map(({ values }) => values?.name ?? ""),
  ]);
  const infos = model.graph.input.filter(({ name }) => !initializers.has(name));
  if (infos.length === 0)
    throw new ModelError("model.unsupported-input", `${path} has no inputs: there is nothing to score`, {
      hint: "Export the model with its features as inputs.",
      details: { model: path },
    });
  return infos.map((info) => ({ name: info.name, ...declaredInput(info, path) }));
}

/**
 * Returns the fixed size of dimension 0. One input with a fixed size is enough, since all inputs have the
 * same number of rows.
 */
function readFixedBatch(inputs: readonly TensorSpec[], path: string): number | null {
  const fixed = inputs.filter(({ shape }) => typeof shape?.[0] === "number");
  const sizes = new Set(fixed.map(({ shape }) => Number(shape?.[0])));
  if (sizes.size > 1)
    throw new ModelError(
      "model.unsupported-input",
      `${path}: the inputs disagree about the number of rows: ${fixed
        .map(({ name, shape }) => `"${name}" takes ${shape?.[0]}`)
        .join(", ")}`,
      {
        hint: "Export the model with the batch as the first dimension of every input.",
        details: { model: path, inputs: fixed.map(({ name }) => name) },
      },
    );
  return sizes.values().next().value ?? null;
}

function symbolicBatch(inputs: readonly TensorSpec[]): string | null {
  const names = inputs.map(({ shape }) => shape?.[0]).filter((dimension) => typeof dimension === "string");
  return names[0] ?? null;
}

interface Outputs {
  readonly outputs: readonly TensorSpec[];
  /** Outputs that cannot become columns, with their types. */
  readonly dropped: readonly string[];
  /** Outputs that do not depend on the input. */
  readonly constant: readonly string[];
}

function readOutputs(
  model: OnnxModel,
  zipped: ReadonlyMap<string, ClassLabels>,
  batch: Dimension,
  path: string,
): Outputs {
  const index = indexGraph(model.graph);
  const roles = outputRoles(index, zipped);
  const constants = constantOutputs(model.graph);
  const outputs: TensorSpec[] = [];
  const dropped: string[] = [];
  for (const info of model.graph.output) {
    if (constants.has(info.name)) continue;
    const declared = declaredTensor(info);
    if (declared === null) {
      dropped.push(`${info.name}: ${describeType(info.type)}`);
      continue;
    }
    const shape = regressorShape(index, info.name, declared.shape);
    outputs.push(outputSpec(info.name, declared.type, shape, batch, roles.get(info.name)));
  }
  if (outputs.length === 0) throw noUsableOutput(path, dropped, constants);
  return { outputs, dropped, constant: [...constants] };
}

/** A forest returns a number for each of its targets, even if its exporter declares a single one. */
function regressorShape(index: GraphIndex, name: string, declared: TensorSpec["shape"]): TensorSpec["shape"] {
  const copied = walkBack(index, name, "identities").at(-1) ?? name;
  const node = index.producers.get(copied);
  if (node === undefined || !isOperator(node, "ai.onnx.ml", "TreeEnsembleRegressor")) return declared;
  const targets = Number(attribute(node, "n_targets")?.i ?? 0n);
  return targets < 1 || declared?.length !== 2 ? declared : [declared[0] ?? null, targets];
}

function outputSpec(
  name: string,
  type: TensorSpec["type"],
  declared: TensorSpec["shape"],
  batch: Dimension,
  known: OutputRole | undefined,
): TensorSpec {
  const shape = batchFirst(declared, batch);
  if (known === undefined) return { name, type, shape };
  const role = known.role === null ? {} : { role: known.role };
  if (known.labels === null)
    return { name, type, shape: known.role === "label" ? (shape ?? [batch]) : shape, ...role };
  const classes = known.labels.length;
  const width = shape?.at(-1);
  // A reshape in between may have changed the last dimension: then the labels do not apply to it.
  if (shape !== null && (shape.length < 2 || (typeof width === "number" && width !== classes)))
    return { name, type, shape, ...(known.role === "scores" ? role : {}) };
  return {
    name,
    type,
    shape: [...(shape?.slice(0, -1) ?? [batch]), classes],
    labels: known.labels,
    ...role,
  };
}

/**
 * Treats dimension 0 of an output as the batch regardless of its declaration: LightGBM's exporter declares
 * labels of shape [1], others a scalar, and both return one for each row.
 */
function batchFirst(shape: TensorSpec["shape"], batch: Dimension): TensorSpec["shape"] {
  if (shape === null) return null;
  const [first, ...rest] = shape;
  return [typeof first === "string" && typeof batch !== "number" ? first : batch, ...rest];
}

function noUsableOutput(
  path: string,
  dropped: readonly string[],
  constants: ReadonlySet<string>,
): ModelError {
  if (constants.size > 0)
    return new ModelError(
      "model.unsupported-output",
      `${path}: no output depends on an input (${[...constants].join(", ")} ${constants.size === 1 ? "is" : "are"} constant)`,
      {
        hint: "Export the model with its predictions as outputs.",
        details: { model: path, outputs: [...constants] },
      },
    );
  return new ModelError(
    "model.unsupported-output",
    dropped.length === 0
      ? `${path} has no outputs`
      : `${path}: no output is a tensor of numbers, booleans or strings (${dropped.join("; ")})`,
    {
      hint: "Export the model with tensor outputs; for scikit-learn classifiers, `options={'zipmap': False}` gives them.",
      details: { model: path, outputs: dropped },
    },
  );
}
