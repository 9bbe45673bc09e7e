/** Feeds become bindings: shapes are closed, types checked, nulls decided. */
import { type Schema, typeName } from "../../column.js";
import type { ColumnMapping, NullRule } from "../../job.js";
import { type BoundColumn, type InputBinding, type NullPolicy, rowWidth } from "../../mapping.js";
import type { Dimension, Signature, TensorSpec, TensorType } from "../../tensor.js";
import { integerRange } from "../tensors/integer-range.js";
import { castProblem, isFloatTensor, valueType } from "./casts.js";
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
    return { ...binding, kind: "list", column: boundColumn(feed.column, input, true, resolution) };
  const columns = feed.columns.map((column) => boundColumn(column, input, false, resolution));
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
  const conflict = learnSymbols(dimensions, rowShape, resolution.symbols);
  if (conflict !== null)
    resolution.problems.add(
      "mapping.dimension",
      `input "${input.name}": its dimension "${conflict}" is ${resolution.symbols.get(conflict)} in another input, and ${countOf(feed, resolution)} values a row do not fit that`,
      { hint: "feed inputs that share a dimension with lists of one length", details: { input: input.name } },
    );
  return conflict === null ? rowShape : null;
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

function boundColumn(
  mapping: ColumnMapping,
  input: TensorSpec,
  asList: boolean,
  { schema, problems }: InputResolution,
): BoundColumn {
  const type = schema.find((column) => column.name === mapping.column)?.type ?? { kind: "null" };
  const lossy = mapping.cast === "lossy";
  const part = mapping.part ?? null;
  const where = `column "${mapping.column}"`;
  const details = { input: input.name, column: mapping.column };
  const list = valueType(type);
  if (asList && list.kind !== "list" && list.kind !== "fixed-list") {
    problems.add("mapping.cast", `${where} is ${typeName(type)}, not a list, so \`list:\` can't take it`, {
      hint: "use `column:` or `stack:`",
      details,
    });
  } else {
    const element = asList && (list.kind === "list" || list.kind === "fixed-list") ? list.item : type;
    const problem = castProblem(element, input.type, { part, lossy });
    const subject = asList ? `${where}, element by element,` : where;
    if (problem !== null)
      problems.add(problem.code, `input "${input.name}": ${subject} ${problem.message}`, {
        hint: problem.hint,
        details,
      });
  }
  if (mapping.dtype !== undefined && mapping.dtype !== input.type)
    problems.add(
      "mapping.dtype",
      `input "${input.name}" takes ${input.type}, and \`dtype\` says ${mapping.dtype}`,
      {
        hint: `write \`dtype: ${input.type}\` or leave it out: the model decides`,
        details,
      },
    );
  const timezone = mapping.timezone ?? "UTC";
  if (!isTimeZone(timezone))
    problems.add("mapping.timezone", `${where}: "${timezone}" is not a time zone`, {
      hint: "use an IANA name, such as Europe/Lisbon",
      details,
    });
  const nulls = nullPolicy(mapping.nulls, input.type);
  if (nulls === null)
    problems.add(
      "mapping.nulls",
      `${where}: \`nulls: ${String(mapping.nulls)}\` is not a value that input "${input.name}" (${input.type}) can hold`,
      { hint: nullHint(input.type), details },
    );
  return { column: mapping.column, type, nulls: nulls ?? "error", part, timezone, lossy };
}

/** Floats have a value for "missing"; for anything else a null is a mistake until the job says otherwise. */
function nullPolicy(rule: NullRule | undefined, type: TensorType): NullPolicy | null {
  if (rule === undefined) return isFloatTensor(type) ? "nan" : "error";
  if (rule === "error" || rule === "reject") return rule;
  if (rule === "nan") return isFloatTensor(type) ? "nan" : null;
  return fits(rule, type) ? { value: rule } : null;
}

function fits(value: number | string | boolean, type: TensorType): boolean {
  if (type === "string") return typeof value === "string";
  if (type === "bool") return typeof value === "boolean" || value === 0 || value === 1;
  if (typeof value !== "number") return false;
  if (isFloatTensor(type)) return true;
  const range = integerRange(type);
  return Number.isSafeInteger(value) && value >= range.min && value <= range.max;
}

function nullHint(type: TensorType): string {
  if (isFloatTensor(type)) return "use nan, error, reject or a number";
  return `use error, reject or ${type === "string" ? "a text" : type === "bool" ? "true or false" : `an integer that ${type} can hold`}`;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
