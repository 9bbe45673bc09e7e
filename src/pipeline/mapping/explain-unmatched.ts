import { typeName } from "../../column.js";
import { SpecError } from "../../errors.js";
import type { TensorSpec } from "../../tensor.js";
import { abridged, closest } from "./did-you-mean.js";
import {
  type FeatureSearch,
  type FoundFeatures,
  freeLists,
  freeNumericColumns,
  widthOf,
} from "./find-features.js";
import { specName } from "./row-shapes.js";
import { textInputs } from "./text-inputs.js";

/** The error for inputs that no columns were found for: what each needs, what there is, and what to write. */
export function unmatched(search: FeatureSearch, found: FoundFeatures): SpecError {
  const { schema, job } = search;
  const inputs = found.unmatched;
  const columns = schema.map(({ name, type }) => {
    const role = job.input.key.includes(name) ? ", the key" : "";
    return `${name} (${typeName(type)}${role})`;
  });
  const lines = [
    `no columns found for model input${inputs.length === 1 ? "" : "s"} ${inputs.map(({ name }) => `"${name}"`).join(", ")}`,
    ...inputs.map((input) => `  ${input.name} is ${specName(input)}: ${needs(input)}${near(input, search)}`),
    `  columns: ${abridged(columns, 30)}`,
    ...found.tried.map((attempt) => `  tried: ${attempt}`),
  ];
  return new SpecError("mapping.unmatched", lines.join("\n"), {
    hint: suggestion(search, found),
    details: {
      inputs: inputs.map((input) => ({ name: input.name, type: input.type, shape: input.shape ?? null })),
      columns: schema.map(({ name, type }) => ({ name, type: typeName(type) })),
    },
  });
}

function needs(input: TensorSpec): string {
  const what = input.type === "string" ? "text" : "numeric";
  const width = widthOf(input);
  if (width === 1) return `one ${what} column`;
  if (width === null) return `${what} columns, or one list column`;
  return `${width} ${what} columns, or one list column of length ${width}`;
}

function near(input: TensorSpec, { schema }: FeatureSearch): string {
  const meant = closest(
    input.name,
    schema.map((column) => column.name),
  );
  return meant === null ? "" : `; is it column "${meant}"?`;
}

function suggestion(search: FeatureSearch, found: FoundFeatures): string {
  const block = ["features:", ...(textBlock(search, found) ?? blocksOf(search, found))];
  const [input, ...others] = found.unmatched;
  const flag =
    input !== undefined && others.length === 0 && search.job.features?.list === undefined
      ? `name them with --features ${candidates(input, search, found).join(",")}, or in a job:`
      : "name them in a job:";
  return [flag, ...block.map((line) => `  ${line}`)].join("\n");
}

/** A text model's inputs, where there is a list of tokens for them. */
function textBlock(search: FeatureSearch, found: FoundFeatures): readonly string[] | null {
  const roles = textInputs(found.unmatched);
  if (roles === null) return null;
  const [list] = freeLists(search, found.feeds, roles.tokens);
  if (list === undefined) return null;
  const { tokens, mask, segments, padTo } = roles;
  const masked = mask === null ? "" : `, mask: ${mask.name}`;
  return [
    `  ${tokens.name}: { list: ${list}, pad_to: ${padTo}, keep: first${masked} }`,
    ...segments.map(({ name }) => `  ${name}: { value: 0 }`),
  ];
}

function blocksOf(search: FeatureSearch, found: FoundFeatures): readonly string[] {
  return found.unmatched.flatMap((input) => blockOf(input, search, found));
}

function blockOf(input: TensorSpec, search: FeatureSearch, found: FoundFeatures): readonly string[] {
  const list = onlyList(input, search, found);
  if (list !== null) return [`  ${input.name}: { list: ${list} }`];
  const columns = candidates(input, search, found);
  return widthOf(input) === 1
    ? [`  ${input.name}: { column: ${columns[0]} }`]
    : [`  ${input.name}:`, `    stack: [${columns.join(", ")}]`];
}

/** Columns to start from: right in type and, where there are enough, in number. They still need a person's eye. */
function candidates(input: TensorSpec, search: FeatureSearch, found: FoundFeatures): readonly string[] {
  const list = onlyList(input, search, found);
  if (list !== null) return [list];
  const free =
    input.type === "string"
      ? search.schema.filter(({ type }) => type.kind === "utf8").map(({ name }) => name)
      : freeNumericColumns(search, found.feeds);
  const width = widthOf(input) ?? free.length;
  const first = free.slice(0, Math.min(width, 8));
  return first.length < width || first.length === 0 ? [...first, "…"] : first;
}

/** The list column to start from, where there are not enough columns of single numbers. */
function onlyList(input: TensorSpec, search: FeatureSearch, found: FoundFeatures): string | null {
  const [list, ...others] = freeLists(search, found.feeds, input);
  if (list === undefined || others.length > 0) return null;
  const width = widthOf(input);
  return width !== null && freeNumericColumns(search, found.feeds).length >= width ? null : list;
}
