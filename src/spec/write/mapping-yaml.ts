/** A resolved mapping in the words of a spec: what `inspect` and `init` hand people to paste and to change. */
import type { BoundColumn, InputBinding, Mapping, OutputBinding } from "../../mapping.js";
import type { Signature, TensorSpec } from "../../tensor.js";
import { flowYaml } from "./flow-yaml.js";

/** Longer lists of columns get lines of their own. */
const lineCells = 100;

/** `features:` and what is under it; an input a line, with its type and shape. */
export function featuresYaml({ inputs }: Mapping): string {
  return ["features:", ...inputs.flatMap(inputLines)].join("\n");
}

/** `outputs:` likewise. */
export function outputsYaml({ outputs }: Mapping, signature: Signature): string {
  const lines = outputs.map((binding) => {
    const spec = signature.outputs.find(({ name }) => name === binding.output);
    return `  ${flowYaml(binding.output)}: ${flowYaml(outputValue(binding, spec))}`;
  });
  return ["outputs:", ...lines].join("\n");
}

function inputLines(binding: InputBinding): readonly string[] {
  const name = flowYaml(binding.input);
  const shape = ` # ${binding.type}[${["N", ...(binding.rowShape ?? ["?"])].join(", ")}]`;
  const oneLine = `  ${name}: ${flowYaml(inputValue(binding))}`;
  if (oneLine.length + shape.length <= lineCells || binding.kind === "list") return [oneLine + shape];
  return [`  ${name}:${shape}`, "    stack:", ...wrapped(binding.columns.map(columnValue))];
}

function inputValue(binding: InputBinding): unknown {
  if (binding.kind === "list") {
    const [dim, ...deeper] = binding.rowShape ?? [];
    const known = dim !== undefined && deeper.length === 0 && binding.column.type.kind !== "fixed-list";
    return { list: binding.column.column, ...(known ? { dim } : {}) };
  }
  const [only, ...others] = binding.columns;
  if (only === undefined || others.length > 0) return { stack: binding.columns.map(columnValue) };
  return { column: only.column, ...partOf(only) };
}

function columnValue(column: BoundColumn): unknown {
  return column.part === null ? column.column : { column: column.column, ...partOf(column) };
}

function partOf({ part, timezone }: BoundColumn): object {
  return part === null ? {} : { part, ...(timezone === "UTC" ? {} : { timezone }) };
}

/** `[a, b, …]` over as many lines as it takes. */
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

function outputValue(binding: OutputBinding, spec: TensorSpec | undefined): unknown {
  if (binding.kind !== "elements") return { column: binding.column };
  // A label stands for its place; without labels the place stands for itself.
  const elements = binding.columns.map(({ column, index }) => [
    column,
    String(spec?.labels?.[index] ?? index),
  ]);
  return { columns: Object.fromEntries(elements) };
}
