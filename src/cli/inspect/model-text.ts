import type { Schema } from "../../data/column.js";
import type { Dimension, TensorSpec } from "../../data/tensor.js";
import type { InspectedModel } from "../../runtimes/model.js";
import { shownPath } from "../../service/paths.js";
import { bytes } from "../../text/human.js";
import { shellLine } from "../../text/shell-line.js";
import { renderPairs, renderTable, type TableOptions } from "../output/table.js";
import { mappingBlock } from "./mapping-text.js";

export interface ModelPlace {
  readonly path: string;
  /** Data that was inspected along with it, for the suggested command. */
  readonly data: readonly string[];
  /** Columns of that data; `null` if no data is given. */
  readonly schema: Schema | null;
  readonly cwd: string;
  readonly program: string;
}

/** A model for machines: what the host found, assets with their digests included. */
export function modelJson(model: InspectedModel, schema: Schema | null): unknown {
  const mapping = mappingBlock(model.signature, schema)?.yaml ?? null;
  return { ...model.signature, assets: model.assets, mapping };
}

/** A model for people: tensors, labels, metadata, a `score` command and the mapping of a job to paste. */
export function modelText(
  { signature, assets, engines, refusals }: InspectedModel,
  place: ModelPlace,
  options: TableOptions,
): string {
  const { paint, width } = options;
  const size = assets.reduce((sum, asset) => sum + asset.size, 0);
  const digest = assets.find((asset) => asset.role === "model")?.sha256.slice(0, 12) ?? "";
  const about: (readonly [string, string])[] = [
    ["runs on", enginesText(engines)],
    ...refusals.map(({ reason }) => ["refused", reason] as const),
    ...Object.entries(signature.metadata).map(([name, value]) => [name, oneLine(value)] as const),
    ...(signature.fixedBatch === null ? [] : [["fixed batch", String(signature.fixedBatch)] as const]),
    ...(signature.featureNames === null ? [] : [["features", signature.featureNames.join(", ")] as const]),
  ];
  return [
    `${paint.bold(shownPath(place.path, place.cwd))}  ${paint.dim(`${bytes(size)}, sha256 ${digest}`)}`,
    tensors(signature, options),
    ...(about.length === 0 ? [] : [renderPairs(about, paint, width)]),
    renderPairs([["score it", suggestion({ signature }, place)], ...placeholders(signature)], paint, width),
    ...jobBlock(signature, place.schema, paint),
  ].join("\n\n");
}

function enginesText(engines: InspectedModel["engines"]): string {
  if (engines.length === 0) return "no engine";
  return engines.map(({ name, version }) => `${name} ${version}`).join(", or ");
}

function tensors(signature: InspectedModel["signature"], options: TableOptions): string {
  const columns = [
    { title: "" },
    { title: "name", style: options.paint.bold },
    { title: "type" },
    { title: "shape" },
    { title: "labels" },
  ];
  const row = (kind: string) => (tensor: TensorSpec) => [
    kind,
    tensor.name,
    tensor.type,
    shapeText(tensor.shape),
    labelsText(tensor),
  ];
  return renderTable(
    columns,
    [...signature.inputs.map(row("input")), ...signature.outputs.map(row("output"))],
    options,
  );
}

/** `[N, 28]`; an unknown dimension is `?`. */
export function shapeText(shape: readonly Dimension[] | null): string {
  return shape === null ? "any" : `[${shape.map((dimension) => dimension ?? "?").join(", ")}]`;
}

function labelsText({ labels, role }: TensorSpec): string {
  if (labels === undefined) return role === "label" ? "the class" : "";
  const shown = labels.slice(0, 6).map(String).join(", ");
  return labels.length > 6 ? `${shown}, … (${labels.length})` : shown;
}

/** Returns a command that scores with this model; it lists features that the model names or needs. */
export function suggestion({ signature }: Pick<InspectedModel, "signature">, place: ModelPlace): string {
  const data =
    place.data.length === 0 ? ["data.parquet"] : place.data.map((path) => shownPath(path, place.cwd));
  const width = stackedWidth(signature);
  const names = signature.featureNames ?? (width === null || width > mostInACommand ? null : numbered(width));
  const features = width === null || names === null ? [] : ["--features", names.join(",")];
  const words = ["score", shownPath(place.path, place.cwd), ...data, "-o", "predictions/", ...features];
  return `${place.program} ${shellLine(...words)}`;
}

const mostInACommand = 6;

/** Width of the one input that several columns feed side by side; `null` for other models. */
function stackedWidth({ inputs }: InspectedModel["signature"]): number | null {
  const [input, ...others] = inputs;
  const [, width, ...deeper] = input?.shape ?? [];
  return others.length === 0 && deeper.length === 0 && typeof width === "number" && width > 1 ? width : null;
}

function numbered(width: number): readonly string[] {
  return Array.from({ length: width }, (_, index) => `f${index}`);
}

/** Says so where the suggested command names columns that the model did not. */
function placeholders(signature: InspectedModel["signature"]): readonly (readonly [string, string])[] {
  const width = stackedWidth(signature);
  if (width === null || signature.featureNames !== null) return [];
  const which = width > mostInACommand ? "add --features with" : "put in";
  return [["", `${which} your ${width} columns, in the order that the model was trained with`]];
}

/** Plain lines, so that they can be pasted. */
function jobBlock(
  signature: InspectedModel["signature"],
  schema: Schema | null,
  paint: TableOptions["paint"],
): readonly string[] {
  const block = mappingBlock(signature, schema);
  if (block === null) return [];
  const columns = block.isPlaceholder ? "with your columns for these names" : "with the columns of this data";
  return [`${paint.dim(`in a job, ${columns}:`)}\n${block.yaml}`];
}

function oneLine(text: string): string {
  const flat = text.replace(/\s+/g, " ").trim();
  return flat.length > 200 ? `${flat.slice(0, 199)}…` : flat;
}
