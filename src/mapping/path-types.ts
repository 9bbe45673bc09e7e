/** Types that features ask of columns in paths. They follow from the job and the model alone, never from the files. */
import { type Column, type PathType, type PathTypes, pathTypes, type Schema } from "../data/column.js";
import type { TensorSpec } from "../data/tensor.js";
import { SpecError } from "../errors.js";
import type { ColumnMapping, Job } from "../job/job.js";
import { type FeatureSearch, findFeatures } from "./find-features.js";
import { columnsOf, type Feed } from "./job-features.js";

/** @throws SpecError `mapping.path-column` where features ask for two types of one column */
export function askedPathTypes(search: FeatureSearch): PathTypes {
  const open = new Set(search.schema.filter(({ fromPath }) => fromPath === true).map(({ name }) => name));
  if (open.size === 0) return {};
  const asked: { [column: string]: PathType } = Object.create(null);
  const feeds = feedsOf(search);
  for (const input of search.signature.inputs) {
    const feed = feeds.get(input.name);
    for (const column of feed === undefined ? [] : columnsOf(feed)) {
      if (!open.has(column.column)) continue;
      const type = askedOf(column, input);
      const before = asked[column.column];
      if (before !== undefined && before !== type) throw twoTypes(column.column, before, type);
      asked[column.column] = type;
    }
  }
  return Object.fromEntries(Object.entries(asked).filter(([, type]) => type !== "string"));
}

/** A mistake in the mapping is reported when it is resolved, with the columns that hooks add. */
function feedsOf(search: FeatureSearch): ReadonlyMap<string, Feed> {
  const schema = [...search.schema, ...addedLater(search.job, search.schema)];
  try {
    return findFeatures({ ...search, schema }).feeds;
  } catch (error) {
    if (error instanceof SpecError) return new Map();
    throw error;
  }
}

/** Columns that the job names and the input lacks: a hook may add them. */
function addedLater({ features }: Job, schema: Schema): readonly Column[] {
  const named = Object.values(features?.inputs ?? {}).flatMap((mapping): readonly string[] => {
    if (mapping.kind === "stack") return mapping.stack.map(({ column }) => column);
    return mapping.kind === "column" ? [mapping.column] : [];
  });
  return [...new Set(named)]
    .filter((name) => !schema.some((column) => column.name === name))
    .map((name) => ({ name, type: { kind: "null" }, nullable: true }));
}

function askedOf({ part, map, dtype }: ColumnMapping, input: TensorSpec): PathType {
  if (map !== undefined) return "string";
  if (part !== undefined) return "date";
  const type = dtype ?? input.type;
  if (type === "string") return "string";
  return type === "bool" ? "bool" : "int64";
}

function twoTypes(column: string, one: PathType, other: PathType): SpecError {
  return new SpecError(
    "mapping.path-column",
    `column "${column}" comes from the path, and features ask for it as ${one} and as ${other}`,
    {
      hint: `Say which it is: input.path_columns: { ${column}: ${one} }.`,
      details: { column, types: [one, other] },
    },
  );
}

/** The schema with those types. */
export function withPathTypes(schema: Schema, asked: PathTypes): Schema {
  return schema.map((column): Column => {
    const type = Object.hasOwn(asked, column.name) ? asked[column.name] : undefined;
    if (column.fromPath !== true) return column;
    const { fromPath: _, ...known } = column;
    return type === undefined ? known : { ...known, type: pathTypes[type] };
  });
}
