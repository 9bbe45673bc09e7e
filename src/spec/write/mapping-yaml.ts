/** Formats a resolved mapping as a spec, which `inspect` and `init` show to be copied and changed. */

import type { Signature, TensorType } from "../../data/tensor.js";
import { isFloatTensor } from "../../mapping/casts.js";
import { type BoundColumn, type InputBinding, type Mapping, rowWidth } from "../../mapping/mapping.js";
import { flowYaml, literalValue } from "./flow-yaml.js";
import { outputValue } from "./output-value.js";

/** Longer lists of columns are split over several lines. */
const lineCells = 100;

type ListBinding = InputBinding & { readonly kind: "list" };
type MaskBinding = InputBinding & { readonly kind: "mask" };

/** A block of a spec: its text, and the value that a YAML reader must find under its key. */
export interface MappingBlock {
  readonly text: string;
  readonly value: { readonly [name: string]: unknown };
}

const none: ReadonlySet<string> = new Set();

interface Written {
  readonly inputs: readonly InputBinding[];
  /** Columns with nulls: their null rule is written even if it is the default. */
  readonly withNulls: ReadonlySet<string>;
}

/**
 * Formats `features:`, one line for each input, with its type and shape.
 * @param withNulls columns whose null rule is written even if it is the default
 */
export function featuresYaml({ inputs }: Mapping, withNulls: ReadonlySet<string> = none): MappingBlock {
  // A mask is written with its list.
  const written = inputs.flatMap((binding) =>
    binding.kind === "mask"
      ? []
      : [{ binding, value: literalValue(inputValue(binding, { inputs, withNulls })) }],
  );
  return {
    text: ["features:", ...written.flatMap(({ binding, value }) => inputLines(binding, value))].join("\n"),
    value: Object.fromEntries(written.map(({ binding, value }) => [binding.input, value])),
  };
}

/** Formats `outputs:`, like {@link featuresYaml}. */
export function outputsYaml({ outputs }: Mapping, signature: Signature): MappingBlock {
  const names = [...new Set(outputs.map(({ output }) => output))];
  const values = names.map((name): [string, unknown] => {
    const bindings = outputs.filter(({ output }) => output === name);
    const spec = signature.outputs.find((output) => output.name === name);
    return [name, literalValue(outputValue(bindings, spec))];
  });
  const lines = values.map(([name, value]) => `  ${flowYaml(name)}: ${flowYaml(value)}`);
  return { text: ["outputs:", ...lines].join("\n"), value: Object.fromEntries(values) };
}

function inputLines(binding: Exclude<InputBinding, MaskBinding>, value: unknown): readonly string[] {
  const name = flowYaml(binding.input);
  const shape = ` # ${binding.type}[${["N", ...(binding.rowShape ?? ["?"])].join(", ")}]`;
  const oneLine = `  ${name}: ${flowYaml(value)}`;
  const stack = stackOf(value);
  if (oneLine.length + shape.length <= lineCells || stack === null) return [oneLine + shape];
  return [`  ${name}:${shape}`, "    stack:", ...wrapped(stack)];
}

/** Returns the columns of an input that has several. */
function stackOf(value: unknown): readonly unknown[] | null {
  const isStack = typeof value === "object" && value !== null && "stack" in value;
  return isStack && Array.isArray(value.stack) ? value.stack : null;
}

function inputValue(binding: Exclude<InputBinding, MaskBinding>, written: Written): object {
  switch (binding.kind) {
    case "list":
      return listValue(binding, written);
    case "constant":
      return { value: binding.value };
    case "columns":
      return columnsValue(binding, written);
  }
}

function listValue(binding: ListBinding, written: Written): object {
  const { column, padding, rowShape, type } = binding;
  const [dim, ...deeper] = rowShape ?? [];
  const known = dim !== undefined && deeper.length === 0 && column.type.kind !== "fixed-list";
  const size = padding === null ? (known ? { dim } : {}) : paddingOf(padding, rowShape ?? []);
  return {
    list: column.column,
    ...size,
    ...maskOf(binding, written.inputs),
    ...rulesOf(column, type, written),
  };
}

function paddingOf(
  { keep, value }: NonNullable<ListBinding["padding"]>,
  rowShape: readonly number[],
): object {
  return {
    pad_to: rowWidth(rowShape),
    ...(value === 0 || value === "" ? {} : { pad_with: value }),
    ...(keep === null ? {} : { keep }),
  };
}

/** Returns the mask of a list: a mask belongs to the first list of its column. */
function maskOf({ input, column, padding }: ListBinding, inputs: readonly InputBinding[]): object {
  if (padding === null) return {};
  const isOfColumn = (other: InputBinding): boolean =>
    (other.kind === "list" || other.kind === "mask") && other.column.column === column.column;
  const first = inputs.find((other) => other.kind === "list" && isOfColumn(other));
  const mask = inputs.find((other) => other.kind === "mask" && isOfColumn(other));
  return mask === undefined || first?.input !== input ? {} : { mask: mask.input };
}

function columnsValue(binding: InputBinding & { readonly kind: "columns" }, written: Written): object {
  const [only, ...others] = binding.columns;
  if (only === undefined || others.length > 0) return { stack: elementsOf(binding, written) };
  return { column: only.column, ...rulesOf(only, binding.type, written) };
}

function elementsOf(
  { columns, type }: InputBinding & { readonly kind: "columns" },
  written: Written,
): readonly (string | object)[] {
  return columns.map((column) => {
    const rules = rulesOf(column, type, written);
    return Object.keys(rules).length === 0 ? column.column : { column: column.column, ...rules };
  });
}

/** Returns the rules that differ from the defaults. */
function rulesOf(column: BoundColumn, type: TensorType, { withNulls }: Written): object {
  const { part, timezone, map, dtype, lossy } = column;
  return {
    ...(part === null ? {} : { part }),
    ...(timezone === "UTC" ? {} : { timezone }),
    ...(map === null
      ? {}
      : { map: { file: map.file, ...(map.unknown === null ? {} : { unknown: map.unknown }) } }),
    ...nullsOf(column, type, withNulls.has(column.column)),
    // A map supplies the numbers itself.
    ...(lossy && map === null ? { cast: "lossy" } : {}),
    ...(dtype === null ? {} : { dtype }),
  };
}

function nullsOf({ nulls }: BoundColumn, type: TensorType, isWritten: boolean): object {
  if (typeof nulls === "object") return { nulls: nulls.value };
  return !isWritten && nulls === (isFloatTensor(type) ? "nan" : "error") ? {} : { nulls };
}

/** Formats `[a, b, …]` over several lines if necessary. */
function wrapped(columns: readonly unknown[]): readonly string[] {
  const indent = "      ";
  const lines: string[] = [];
  let line = `${indent}[`;
  for (const [index, column] of columns.entries()) {
    const word = flowYaml(column) + (index === columns.length - 1 ? "]" : ",");
    if (line.length + word.length + 1 > lineCells && line.trim() !== "[") {
      lines.push(line);
      line = `${indent} ${word}`;
    } else line += line.endsWith("[") ? word : ` ${word}`;
  }
  return [...lines, line];
}
