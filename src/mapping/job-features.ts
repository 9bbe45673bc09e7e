/** What the job itself says about the model's inputs, as feeds. */
import type { Schema } from "../data/column.js";
import type { Signature, TensorSpec } from "../data/tensor.js";
import type { ColumnMapping, InputMapping, Job, ListMapping } from "../job/job.js";
import { valueType } from "./casts.js";
import { didYouMean } from "./did-you-mean.js";
import type { Padding } from "./mapping.js";
import type { Problems } from "./problems.js";
import { findColumn, requireValue } from "./schema-columns.js";

/** What one input is fed with, before shapes and casts are looked at. */
export type Feed = { readonly how: string } & (
  | { readonly kind: "columns"; readonly columns: readonly ColumnMapping[] }
  | {
      readonly kind: "list";
      readonly column: ColumnMapping;
      /** Values a row, where the job says how many. */
      readonly dim: number | null;
      readonly padding: Padding | null;
    }
  /** Masks the list that feeds another input. */
  | { readonly kind: "mask"; readonly column: ColumnMapping; readonly of: string; readonly dim: number }
  /** Fed by no column. */
  | { readonly kind: "constant"; readonly value: number | string | boolean }
);

const how = "as the job says";

export function takeFromJob(
  { job, signature, schema }: { readonly job: Job; readonly signature: Signature; readonly schema: Schema },
  feeds: Map<string, Feed>,
  problems: Problems,
): void {
  const inputs = Object.entries(job.features?.inputs ?? {});
  for (const [name, mapping] of inputs) {
    if (findInput(name, signature.inputs, problems) === null) continue;
    const feed = feedOf(mapping, schema);
    for (const column of columnsOf(feed))
      requireValue(column.column, schema, `features of "${name}"`, problems);
    feeds.set(name, feed);
  }
  for (const [name, mapping] of inputs)
    if (mapping.kind === "list" && mapping.mask !== undefined)
      takeMask(name, { ...mapping, mask: mapping.mask }, signature.inputs, feeds, problems);
}

/** The columns that a feed reads, as the job writes them. */
export function columnsOf(feed: Feed): readonly ColumnMapping[] {
  if (feed.kind === "constant") return [];
  return feed.kind === "columns" ? feed.columns : [feed.column];
}

function findInput(name: string, inputs: readonly TensorSpec[], problems: Problems): TensorSpec | null {
  const found = inputs.find((input) => input.name === name);
  if (found !== undefined) return found;
  const names = inputs.map((input) => input.name);
  problems.add("mapping.unknown-input", `the model has no input "${name}"`, {
    hint: didYouMean(name, names, "model inputs"),
    details: { input: name, inputs: names },
  });
  return null;
}

function takeMask(
  of: string,
  { list, padTo, mask }: ListMapping & { readonly mask: string },
  inputs: readonly TensorSpec[],
  feeds: Map<string, Feed>,
  problems: Problems,
): void {
  const input = findInput(mask, inputs, problems);
  if (input === null || padTo === undefined) return;
  const details = { input: mask };
  if (input.type === "string")
    problems.add("mapping.mask", `input "${mask}" takes text, and a mask is made of 1 and 0`, {
      hint: "name the input that tells values from padding, such as attention_mask",
      details,
    });
  else if (feeds.has(mask))
    problems.add(
      "mapping.mask",
      `input "${mask}" is the mask of "${of}" and is fed by \`features\` as well`,
      {
        hint: `remove "${mask}" from \`features\`, or the \`mask\``,
        details,
      },
    );
  else feeds.set(mask, { kind: "mask", column: { column: list }, of, dim: padTo, how: `the mask of ${of}` });
}

function feedOf(mapping: InputMapping, schema: Schema): Feed {
  switch (mapping.kind) {
    case "stack": {
      const { kind: _kind, stack, ...rules } = mapping;
      return { kind: "columns", columns: stack.map((column) => ({ ...rules, ...column })), how };
    }
    case "list": {
      const { kind: _kind, list, dim, padTo, padWith, keep, mask: _mask, ...rules } = mapping;
      const padding = padTo === undefined ? null : { keep: keep ?? null, value: padWith ?? 0 };
      return { kind: "list", column: { column: list, ...rules }, dim: padTo ?? dim ?? null, padding, how };
    }
    case "constant":
      return { ...mapping, how };
    case "column": {
      const { kind: _kind, ...column } = mapping;
      return feedOfOne(column, schema, how);
    }
  }
}

/** A column of lists fills its input by itself, any other is one value of it. */
export function feedOfOne(column: ColumnMapping, schema: Schema, how: string): Feed {
  const type = findColumn(schema, column.column)?.type;
  const kind = type === undefined ? null : valueType(type).kind;
  return kind === "list" || kind === "fixed-list"
    ? { kind: "list", column, dim: null, padding: null, how }
    : { kind: "columns", columns: [column], how };
}
