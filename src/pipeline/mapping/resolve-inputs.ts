/** Feeds become bindings: shapes are closed, types checked, nulls decided. */
import type { Schema } from "../../column.js";
import { type InputBinding, rowWidth } from "../../mapping.js";
import type { Dimension, Signature, TensorSpec } from "../../tensor.js";
import { boundColumn } from "./column-rules.js";
import type { Feed } from "./find-features.js";
import type { Problems } from "./problems.js";
import {
  fixedRowShape,
  learnSymbols,
  rowDimensions,
  rowShapeFor,
  type Symbols,
  specName,
} from "./row-shapes.js";

export interface InputResolution {
  readonly signature: Signature;
  readonly schema: Schema;
  readonly feeds: ReadonlyMap<string, Feed>;
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
  reportMisfit(input, feed, rowShape, resolution);
  if (feed.kind === "list")
    return { ...binding, kind: "list", column: boundColumn(feed.column, input, "list", resolution) };
  const columns = feed.columns.map((column) => boundColumn(column, input, "value", resolution));
  return { ...binding, kind: "columns", columns };
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

/** Values a row that the feed gives, `null` for a list whose length only the data tells. */
function countOf(feed: Feed, { schema, listLengths }: InputResolution): number | null {
  if (feed.kind === "columns") return feed.columns.length;
  const type = schema.find((column) => column.name === feed.column.column)?.type;
  if (type?.kind === "fixed-list") return type.size;
  return feed.dim ?? listLengths[feed.column.column] ?? null;
}

function reportMisfit(
  input: TensorSpec,
  feed: Feed,
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
  else if (count !== null && rowShape === null) {
    const dimensions = rowDimensions(input);
    const fixed = fixedRowShape(dimensions, resolution.symbols);
    const given =
      feed.kind === "list" ? `column "${feed.column.column}" holds ${count}` : `${count} columns are given`;
    const wanted = fixed === null ? "" : `${rowWidth(fixed)} values a row, and `;
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
