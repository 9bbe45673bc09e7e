/**
 * Tensors that a model stores in other files. A model from another source could name any file of this
 * machine, so each one has to be listed in the spec, regardless of its name and of links. One exception: the
 * plain file beside the model that is named after it, which PyTorch writes by default.
 */
import { lstat, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
  TensorProto_DataLocation,
} from "#onnx-proto";
import { ModelError } from "../../errors.js";
import type { Asset } from "../../job/plan.js";
import { attributesWithTensors } from "./attributes.js";
import { type OnnxModel, readingModel } from "./model-proto.js";
import { digestFile } from "./pinned-file.js";

/** Returns every location that the model's tensors name, once, in the order of first use. */
export function externalLocations(model: OnnxModel, path: string): readonly string[] {
  return readingModel(path, () => {
    const locations = new Set<string>();
    for (const tensor of tensorsOfModel(model)) {
      if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) continue;
      const location = tensor.externalData.find(({ key }) => key === "location")?.value;
      if (location === undefined)
        throw new Error(`the tensor "${tensor.name}" is external and names no file`);
      locations.add(location);
    }
    return [...locations];
  });
}

/**
 * Pins the external files, in the order of `locations`.
 * @param modelPath locations are relative to the folder that it is in
 * @param listed absolute paths that the spec allows
 * @throws ModelError `model.external-data-unlisted`; SpecError `model.not-found`
 */
export async function pinExternalData(
  modelPath: string,
  locations: readonly string[],
  listed: readonly string[],
): Promise<readonly Asset[]> {
  const directory = dirname(resolve(modelPath));
  const allowed = new Set(await Promise.all(listed.map(canonical)));
  const assets: Asset[] = [];
  for (const location of locations) {
    const path = await canonical(resolve(directory, location));
    if (!allowed.has(path) && !(await isOwnData(modelPath, location)))
      throw unlisted(modelPath, location, resolve(directory, location));
    assets.push({ role: "external-data", path, ...(await digestFile(path)) });
  }
  return assets;
}

/** Suffixes that exporters add to the model's file name: PyTorch, and Optimum. */
const ownSuffixes = [".data", "_data"] as const;

/**
 * Whether it is the model's own data file. A symlink or hard link is not: it may lead to a file that was not
 * meant to be read.
 */
async function isOwnData(modelPath: string, location: string): Promise<boolean> {
  if (!ownSuffixes.some((suffix) => location === basename(modelPath) + suffix)) return false;
  const stat = await lstat(join(dirname(resolve(modelPath)), location)).catch(() => null);
  return stat?.isFile() === true && stat.nlink === 1;
}

/**
 * Resolves symlinks, so that a link and its target are one file. Hard links are different files: the name
 * must be listed.
 */
async function canonical(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}

function unlisted(modelPath: string, location: string, path: string): ModelError {
  return new ModelError(
    "model.external-data-unlisted",
    `${modelPath} keeps tensors in another file, "${location}", that is not listed`,
    {
      hint: `If it belongs to the model, list it in the spec: model: { path: ${JSON.stringify(modelPath)}, external_data: [${JSON.stringify(path)}] }`,
      details: { model: modelPath, location, path },
    },
  );
}

function* tensorsOfModel(model: OnnxModel): Generator<TensorProto> {
  yield* tensorsOfGraph(model.graph);
  for (const definition of model.functions) {
    yield* tensorsOfNodes(definition.node);
    for (const value of definition.attributeProto) yield* tensorsOfAttribute(value);
  }
  for (const { initialization, algorithm } of model.trainingInfo) {
    if (initialization !== undefined) yield* tensorsOfGraph(initialization);
    if (algorithm !== undefined) yield* tensorsOfGraph(algorithm);
  }
}

function* tensorsOfGraph(graph: GraphProto): Generator<TensorProto> {
  yield* graph.initializer;
  for (const sparse of graph.sparseInitializer) yield* tensorsOfSparse(sparse);
  yield* tensorsOfNodes(graph.node);
}

function* tensorsOfNodes(nodes: readonly NodeProto[]): Generator<TensorProto> {
  for (const node of nodes) for (const value of attributesWithTensors(node)) yield* tensorsOfAttribute(value);
}

function* tensorsOfAttribute(value: AttributeProto): Generator<TensorProto> {
  if (value.t !== undefined) yield value.t;
  yield* value.tensors;
  if (value.sparseTensor !== undefined) yield* tensorsOfSparse(value.sparseTensor);
  for (const sparse of value.sparseTensors) yield* tensorsOfSparse(sparse);
  if (value.g !== undefined) yield* tensorsOfGraph(value.g);
  for (const graph of value.graphs) yield* tensorsOfGraph(graph);
}

function* tensorsOfSparse({ values, indices }: SparseTensorProto): Generator<TensorProto> {
  if (values !== undefined) yield values;
  if (indices !== undefined) yield indices;
}
