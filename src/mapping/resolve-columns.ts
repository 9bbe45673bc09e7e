/** The output's columns: what is kept of the input, the predictions, and what is added; in this order. */
import { type Column, type ColumnType, listMetadata, type Schema, unreadablePart } from "../data/column.js";
import type { Job } from "../job/job.js";
import { valueType } from "./casts.js";
import { didYouMean } from "./did-you-mean.js";
import { type AddedColumn, type ClassLabel, columnNames, type OutputBinding, rowWidth } from "./mapping.js";
import type { Problems } from "./problems.js";
import { requireColumn } from "./schema-columns.js";
import { tensorColumnType } from "./tensor-columns.js";
import { leftOut } from "./unreadable-columns.js";

/** Input columns that are kept: the key first, then in the input's order. */
export function resolvePassthrough(
  job: Job,
  schema: Schema,
  features: ReadonlySet<string>,
  problems: Problems,
  warnings: string[],
): readonly string[] {
  for (const name of job.input.key) requireColumn(name, schema, "key", problems);
  const kept = new Set(job.input.key);
  for (const column of schema) if (isKept(column)) kept.add(column.name);
  return [...kept];

  function isKept({ name, type }: Column): boolean {
    const unreadable = unreadablePart(type);
    switch (job.passthrough.kind) {
      case "none":
        return false;
      case "columns":
        if (!job.passthrough.columns.includes(name)) return false;
        if (unreadable === null) return true;
        problems.add(
          "mapping.unsupported-column",
          `column "${name}" is ${unreadable.name}, which can't be written`,
          {
            hint: "leave it out of what is kept; of a database, a query can select it as another type: column::text",
            details: { column: name },
          },
        );
        return false;
      default:
        if (job.passthrough.kind === "rest" && features.has(name)) return false;
        if (unreadable !== null && !kept.has(name)) warnings.push(leftOut(name, unreadable));
        return unreadable === null;
    }
  }
}

export function requirePassthrough(job: Job, schema: Schema, problems: Problems): void {
  if (job.passthrough.kind !== "columns") return;
  for (const name of job.passthrough.columns) requireColumn(name, schema, "passthrough", problems);
}

export function resolveAdded(job: Job, problems: Problems): readonly AddedColumn[] {
  return Object.entries(job.write.add).flatMap(([column, value]) => {
    const type = constantType(value);
    if (type !== null) return [{ column, type, value }];
    problems.add("mapping.added-value", `add: "${column}" is neither a text, a number nor true or false`, {
      hint: "write a constant",
      details: { column },
    });
    return [];
  });
}

function constantType(value: unknown): ColumnType | null {
  if (typeof value === "string") return { kind: "utf8" };
  if (typeof value === "boolean") return { kind: "bool" };
  if (typeof value !== "number") return null;
  return Number.isSafeInteger(value) ? { kind: "int", bits: 64, signed: true } : { kind: "float", bits: 64 };
}

export interface OutputColumns {
  readonly schema: Schema;
  readonly passthrough: readonly string[];
  readonly outputs: readonly OutputBinding[];
  readonly added: readonly AddedColumn[];
}

/** All columns of the output. Predictions and constants are nullable under any policy, so that a target keeps one schema. */
export function outputColumns(parts: OutputColumns): readonly Column[] {
  const kept = parts.passthrough.flatMap((name) => {
    const column = parts.schema.find((candidate) => candidate.name === name);
    if (column === undefined) return [];
    const { isIndex: _, ...kept } = column;
    return [{ ...kept, type: plainType(column.type) }];
  });
  const predicted = parts.outputs.flatMap(predictionColumns);
  const added = parts.added.map(({ column, type }) => ({ name: column, type, nullable: true }));
  return [...kept, ...predicted, ...added];
}

function predictionColumns(binding: OutputBinding): readonly Column[] {
  const item = tensorColumnType(binding.type);
  const column = (name: string, type: ColumnType): Column => ({ name, type, nullable: true });
  switch (binding.kind) {
    case "scalar":
      return [column(binding.column, item)];
    case "elements":
      return binding.columns.map(({ column: name }) => column(name, item));
    case "list": {
      const { rowShape } = binding;
      const type: ColumnType =
        rowShape === null ? { kind: "list", item } : { kind: "fixed-list", item, size: rowWidth(rowShape) };
      return [{ ...column(binding.column, type), ...metadataOf(binding) }];
    }
    case "renamed":
      return [column(binding.column, { kind: "utf8" })];
    case "argmax":
      return [column(binding.column, labelType(binding.labels))];
    case "threshold":
      return [column(binding.column, { kind: "bool" })];
    case "top-k":
      return [column(binding.column, { kind: "list", item: topKType(binding, item) })];
  }
}

/** Labels are text as soon as one of them is; the index of an element is a number. */
export function labelType(labels: readonly ClassLabel[] | null): ColumnType {
  return labels?.some((label) => typeof label === "string")
    ? { kind: "utf8" }
    : { kind: "int", bits: 64, signed: true };
}

function topKType(
  { idType, rank }: OutputBinding & { readonly kind: "top-k" },
  score: ColumnType,
): ColumnType {
  const field = (name: string, type: ColumnType): Column => ({ name, type, nullable: true });
  const places = rank ? [field("rank", { kind: "int", bits: 32, signed: true })] : [];
  return { kind: "struct", fields: [field("id", idType), field("score", score), ...places] };
}

/** What a flat list can't say by itself: the shape it was flattened from, and the classes along it. */
function metadataOf({
  rowShape,
  labels,
}: OutputBinding & { readonly kind: "list" }): Pick<Column, "metadata"> {
  const metadata = {
    ...(rowShape !== null && rowShape.length > 1 ? { [listMetadata.shape]: JSON.stringify(rowShape) } : {}),
    ...(labels === null ? {} : { [listMetadata.labels]: JSON.stringify(labels) }),
  };
  return Object.keys(metadata).length === 0 ? {} : { metadata };
}

/**
 * Dictionaries are decoded on the way out: chunks come with dictionaries of their own. Dates are counted in days, which is
 * Parquet's only kind: in milliseconds they would be written as integers.
 */
export function plainType(type: ColumnType): ColumnType {
  switch (type.kind) {
    case "date":
      return { ...type, unit: "day" };
    case "dictionary":
      return plainType(valueType(type));
    case "list":
      return { ...type, item: plainType(type.item) };
    case "fixed-list":
      return { ...type, item: plainType(type.item) };
    case "struct":
      return { ...type, fields: type.fields.map((field) => ({ ...field, type: plainType(field.type) })) };
    case "map":
      return { ...type, key: plainType(type.key), value: plainType(type.value) };
    default:
      return type;
  }
}

/** Checks that output column names are unique; an error names the origin of both columns. */
export function refuseClashes(parts: Omit<OutputColumns, "schema">, problems: Problems): void {
  const origins = new Map<string, string>();
  const claim = (column: string, origin: string) => {
    const other = origins.get(column);
    if (other === undefined) origins.set(column, origin);
    else
      problems.add(
        "mapping.name-clash",
        `two output columns are called "${column}": ${other} and ${origin}`,
        {
          hint: "rename the prediction under `outputs:`, or leave the input's column out (`--keep key`, `passthrough:`)",
          details: { column },
        },
      );
  };
  for (const column of parts.passthrough) claim(column, "a column kept from the input");
  for (const binding of parts.outputs)
    for (const column of columnNames(binding)) claim(column, `a prediction from output "${binding.output}"`);
  for (const { column } of parts.added) claim(column, "a column that `add:` names");
}

export function requirePartitionColumns(job: Job, columns: readonly Column[], problems: Problems): void {
  const names = columns.map((column) => column.name);
  for (const name of job.write.partitionBy)
    if (!names.includes(name))
      problems.add("mapping.partition-by", `partition_by: the output has no column "${name}"`, {
        hint: `keep it with \`passthrough:\`, or add it; ${didYouMean(name, names, "output's columns")}`,
        details: { column: name },
      });
}
