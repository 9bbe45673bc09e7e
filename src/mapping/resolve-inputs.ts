/** Feeds become bindings: shapes are closed, types checked, nulls decided. */
import type { Schema } from "../data/column.js";
import type { Dimension, Signature, TensorSpec } from "../data/tensor.js";
import { ownValue } from "../scoring/own-value.js";
import { counted } from "../text/human.js";
import { fits, listShape } from "./casts.js";
import { boundColumn } from "./column-rules.js";
import type { MappingFiles } from "./files/mapping-files.js";
import type { Feed } from "./job-features.js";
import { type InputBinding, type Padding, rowWidth } from "./mapping.js";
import type { Problems } from "./problems.js";
import {
  fixedRowShape,
  learnSymbols,
  rowDimensions,
  rowShapeFor,
  type Symbols,
  specName,
} from "./row-shapes.js";
import { findColumn } from "./schema-columns.js";

export interface InputResolution {
  readonly signature: Signature;
  readonly schema: Schema;
  readonly feeds: ReadonlyMap<string, Feed>;
  readonly files: MappingFiles;
  /** Whether the model takes NaN for a missing value of the column. */
  readonly takesMissing: (column: string) => boolean;
  /** Lengths of list columns as seen in the data, where neither type nor spec tells them. */
  readonly listLengths: { readonly [column: string]: number };
  /** Filled with the sizes of symbolic dimensions: outputs share them. */
  readonly symbols: Symbols;
  readonly problems: Problems;
}

export function resolveInputs(resolution: InputResolution): readonly InputBinding[] {
  const { signature, feeds } = resolution;
  // Two rounds: what the first one learns about symbolic dimensions closes shapes in the second.
  for (const input of signature.inputs) closeShape(input, feeds.get(input.name), resolution);
  return signature.inputs.flatMap((input) => {
    const feed = feeds.get(input.name);
    return feed === undefined ? [] : [bindInput(input, feed, resolution)];
  });
}

function bindInput(input: TensorSpec, feed: Feed, resolution: InputResolution): InputBinding {
  const rowShape = closeShape(input, feed, resolution);
  const binding = { input: input.name, type: input.type, rowShape };
  if (feed.kind === "constant") {
    requireConstant(input, feed, resolution.problems);
    return { ...binding, kind: "constant", value: feed.value };
  }
  reportMisfit(input, feed, rowShape, resolution);
  if (feed.kind === "list") reportNesting(input, feed, resolution);
  if (feed.kind === "mask") return { ...binding, kind: "mask", column: maskedList(feed, resolution) };
  if (feed.kind === "list") {
    const column = boundColumn(feed.column, input, "list", resolution);
    requirePadding(input, feed, resolution.problems);
    return { ...binding, kind: "list", column, padding: paddingFor(input, feed) };
  }
  const columns = feed.columns.map((column) => boundColumn(column, input, "value", resolution));
  return { ...binding, kind: "columns", columns };
}

function requireConstant(
  { name, type }: TensorSpec,
  { value }: Feed & { readonly kind: "constant" },
  problems: Problems,
): void {
  if (fits(value, type)) return;
  problems.add(
    "mapping.constant",
    `\`value: ${value}\` is not a value that input "${name}" (${type}) can hold`,
    {
      hint: `use a value that ${type} can hold`,
      details: { input: name },
    },
  );
}

/** The list that a mask goes with, of which nothing but the lengths is looked at. */
function maskedList({ column: { column } }: Feed & { readonly kind: "mask" }, { schema }: InputResolution) {
  const { path, type } = findColumn(schema, column) ?? { path: [column], type: { kind: "null" as const } };
  const rules = { nulls: "nan", part: null, timezone: "UTC", lossy: false, dtype: null, map: null } as const;
  return { column, path, type, ...rules };
}

/** A zero is the natural padding of numbers, the empty text that of texts. */
function paddingFor({ type }: TensorSpec, { padding }: Feed & { readonly kind: "list" }): Padding | null {
  if (padding === null || type !== "string") return padding;
  return { ...padding, value: padding.value === 0 ? "" : padding.value };
}

function requirePadding(
  { name, type }: TensorSpec,
  { padding, column }: Feed & { readonly kind: "list" },
  problems: Problems,
): void {
  if (padding === null || padding.value === 0 || fits(padding.value, type)) return;
  problems.add(
    "mapping.padding",
    `column "${column.column}": \`pad_with: ${padding.value}\` is not a value that input "${name}" (${type}) can hold`,
    { hint: `use a value that ${type} can hold`, details: { input: name, column: column.column } },
  );
}

/** The input's row shape as far as it is known, remembered for the tensors that share its symbols. */
function closeShape(
  input: TensorSpec,
  feed: Feed | undefined,
  resolution: InputResolution,
): readonly number[] | null {
  if (feed === undefined) return null;
  const dimensions = rowDimensions(input);
  const rowShape = shapeOf(feed, dimensions, resolution);
  if (rowShape === null) return null;
  learnSymbols(dimensions, rowShape, resolution.symbols);
  return rowShape;
}

function shapeOf(feed: Feed, dimensions: readonly Dimension[] | null, resolution: InputResolution) {
  const count = countOf(feed, resolution);
  return count === null
    ? fixedRowShape(dimensions, resolution.symbols)
    : rowShapeFor(dimensions, count, resolution.symbols);
}

/** Values a row that the feed gives, `null` for a constant, and for a list whose length only the data tells. */
function countOf(feed: Feed, { schema, listLengths }: InputResolution): number | null {
  if (feed.kind === "constant") return null;
  if (feed.kind === "columns") return feed.columns.length;
  if (feed.kind === "mask" || feed.padding !== null) return feed.dim;
  const type = findColumn(schema, feed.column.column)?.type;
  const lengths = type === undefined ? null : (listShape(type)?.lengths ?? null);
  if (lengths?.every((length) => length !== null)) return rowWidth(lengths);
  return feed.dim ?? ownValue(listLengths, feed.column.column) ?? null;
}

/** Lists of lists are the dimensions of the row, one a level: what is nested otherwise has no order that is sure. */
function reportNesting(
  input: TensorSpec,
  { column: { column }, padding }: Feed & { readonly kind: "list" },
  { schema, problems }: InputResolution,
): void {
  const type = findColumn(schema, column)?.type;
  const depth = (type === undefined ? null : listShape(type))?.lengths.length ?? 1;
  if (depth === 1) return;
  const dimensions = rowDimensions(input);
  const wide = dimensions?.filter((size) => size !== 1).length ?? depth;
  const details = { input: input.name, column };
  if (padding !== null)
    problems.add(
      "mapping.nested-list",
      `column "${column}" holds lists of lists, which \`pad_to\` can't fill`,
      {
        hint: "leave `pad_to` out, or pad the lists where the data is made",
        details,
      },
    );
  else if (dimensions === null || (depth !== dimensions.length && depth !== wide))
    problems.add(
      "mapping.nested-list",
      `column "${column}" holds lists nested ${depth} deep, and input "${input.name}" is ${specName(input)}`,
      {
        hint: "store each row as one flat list, row-major, or with a level of lists for each dimension",
        details,
      },
    );
}

function reportMisfit(
  input: TensorSpec,
  feed: Exclude<Feed, { readonly kind: "constant" }>,
  rowShape: readonly number[] | null,
  resolution: InputResolution,
): void {
  const count = countOf(feed, resolution);
  if (feed.kind === "list" && feed.dim !== null && count !== feed.dim)
    resolution.problems.add(
      "mapping.width",
      `input "${input.name}": \`dim: ${feed.dim}\` is not what column "${feed.column.column}" holds: its lists have ${count} values`,
      { hint: "leave `dim` out: the column's type tells", details: { input: input.name } },
    );
  if (input.shape !== null && input.shape.length === 0)
    resolution.problems.add(
      "mapping.no-batch",
      `input "${input.name}" is a single value without a batch dimension, so rows can't be fed to it`,
      { hint: "export the model with a batch dimension", details: { input: input.name } },
    );
  else if (count !== null && count > 1 && input.shape?.length === 1 && input.shape[0] === count)
    resolution.problems.add(
      "mapping.no-batch",
      `input "${input.name}" takes one row of ${count} values: it has no batch dimension`,
      {
        hint: `export the model with a batch dimension, ${input.type} [N, ${count}]`,
        details: { input: input.name },
      },
    );
  else if (count !== null && rowShape === null) {
    const dimensions = rowDimensions(input);
    const fixed = fixedRowShape(dimensions, resolution.symbols);
    const given = givenBy(feed, count);
    const wanted = fixed === null ? "" : `${counted(rowWidth(fixed), "value")} a row, and `;
    resolution.problems.add(
      "mapping.width",
      `input "${input.name}" is ${specName(input)}: it takes ${wanted || "values that fit its shape, and "}${given}`,
      {
        hint:
          fixed === null ? "give as many values as the shape multiplies to" : `give it ${rowWidth(fixed)}`,
        details: { input: input.name, given: count },
      },
    );
  }
}

function givenBy(feed: Exclude<Feed, { readonly kind: "constant" }>, count: number): string {
  if (feed.kind === "columns") return `${count} columns are given`;
  if (feed.kind === "mask") return `its mask is as long as \`pad_to: ${count}\``;
  return feed.padding === null
    ? `column "${feed.column.column}" holds ${count}`
    : `\`pad_to\` makes ${count} of column "${feed.column.column}"`;
}
