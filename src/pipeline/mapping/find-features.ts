/**
 * Which columns feed which model input. In this order: what the job says, `--features`, names in the model's metadata,
 * columns named like the inputs, `f0..fN` or `x0..xN`, and, only where guessing is allowed, exactly as many numeric
 * columns as the input takes, or the only list of numbers.
 */
import { type Column, isNumeric, type Schema } from "../../column.js";
import type { Job } from "../../job.js";
import { rowWidth } from "../../mapping.js";
import type { Signature, TensorSpec } from "../../tensor.js";
import { castProblem } from "./casts.js";
import { abridged } from "./did-you-mean.js";
import { columnsOf, type Feed, feedOfOne, takeFromJob } from "./job-features.js";
import { createProblems, type Problems } from "./problems.js";
import { fixedRowShape, rowDimensions } from "./row-shapes.js";
import { requireValue } from "./schema-columns.js";

export interface FoundFeatures {
  readonly feeds: ReadonlyMap<string, Feed>;
  readonly warnings: readonly string[];
  /** Inputs that nothing was found for, and what was tried. */
  readonly unmatched: readonly TensorSpec[];
  readonly tried: readonly string[];
}

export interface FeatureSearch {
  readonly job: Job;
  readonly signature: Signature;
  readonly schema: Schema;
  readonly guess: boolean;
}

/** @throws SpecError on unknown names in the job. */
export function findFeatures(search: FeatureSearch): FoundFeatures {
  const problems = createProblems();
  const feeds = new Map<string, Feed>();
  const warnings: string[] = [];
  const tried: string[] = [];
  const { signature } = search;
  const open = () => signature.inputs.filter((input) => !feeds.has(input.name));

  takeFromJob(search, feeds, problems);
  takeList(search, open(), feeds, problems);
  problems.throwIfAny();
  takeMetadataNames(search, open(), feeds, tried);
  takeNamesakes(search, open(), feeds);
  takeNumbered(search, open(), feeds);
  takeNumericColumns(search, open(), feeds, warnings, tried);
  takeOnlyList(search, open(), feeds, warnings, tried);
  return { feeds, warnings, tried, unmatched: open() };
}

/** `score --features`: the columns of the one input that no column is named after. */
function takeList(
  { job, schema }: FeatureSearch,
  open: readonly TensorSpec[],
  feeds: Map<string, Feed>,
  problems: Problems,
) {
  const names = job.features?.list;
  if (names === undefined) return;
  for (const name of names) requireValue(name, schema, "--features", problems);
  const nameless = open.filter((input) => find(schema, input.name) === undefined);
  const [input, ...others] = nameless.length > 0 ? nameless : open;
  if (input === undefined || others.length > 0) {
    const inputs = open.map((spec) => spec.name);
    problems.add(
      "mapping.features-list",
      `--features lists the columns of one input, and the model has ${open.length} open ones: ${abridged(inputs)}`,
      {
        hint: "write a job with a `features:` block that names the columns of each input",
        details: { inputs },
      },
    );
    return;
  }
  const [first, ...rest] = names;
  const how = "--features";
  if (first !== undefined && rest.length === 0)
    feeds.set(input.name, feedOfOne({ column: first }, schema, how));
  else feeds.set(input.name, { kind: "columns", columns: names.map((column) => ({ column })), how });
}

function takeMetadataNames(
  { signature, schema }: FeatureSearch,
  open: readonly TensorSpec[],
  feeds: Map<string, Feed>,
  tried: string[],
) {
  const names = signature.featureNames;
  if (names === null || names.length === 0) return;
  const fitting = open.filter((input) => [null, names.length].includes(widthOf(input)));
  const [input, ...others] = fitting;
  if (input === undefined || others.length > 0) return;
  const missing = names.filter((name) => find(schema, name) === undefined);
  if (missing.length > 0) {
    tried.push(
      `the model's metadata names ${names.length} features; not among the columns: ${abridged(missing)}`,
    );
    return;
  }
  feeds.set(input.name, {
    kind: "columns",
    columns: names.map((column) => ({ column })),
    how: "names in the model's metadata",
  });
}

function takeNamesakes({ schema }: FeatureSearch, open: readonly TensorSpec[], feeds: Map<string, Feed>) {
  for (const input of open)
    if (find(schema, input.name) !== undefined)
      feeds.set(input.name, feedOfOne({ column: input.name }, schema, "the column of the same name"));
}

/** `f0..fN` or `x0..xN`: a full set of as many columns as the input takes, and not one more. */
function takeNumbered({ schema }: FeatureSearch, open: readonly TensorSpec[], feeds: Map<string, Feed>) {
  const [input, ...others] = open;
  if (input === undefined || others.length > 0) return;
  const width = widthOf(input);
  const fitting = ["f", "x"]
    .map((prefix) => numberedColumns(schema, prefix))
    .filter((columns) => columns.length > 0 && (width === null || columns.length === width));
  const [columns, ...alternatives] = fitting;
  if (columns === undefined || alternatives.length > 0) return;
  feeds.set(input.name, {
    kind: "columns",
    columns: columns.map((column) => ({ column })),
    how: `columns ${columns[0]} to ${columns.at(-1)}`,
  });
}

function numberedColumns(schema: Schema, prefix: string): string[] {
  const columns: string[] = [];
  while (find(schema, `${prefix}${columns.length}`) !== undefined) columns.push(`${prefix}${columns.length}`);
  return columns;
}

function takeNumericColumns(
  search: FeatureSearch,
  open: readonly TensorSpec[],
  feeds: Map<string, Feed>,
  warnings: string[],
  tried: string[],
) {
  const [input, ...others] = open;
  if (input === undefined || others.length > 0 || input.type === "string") return;
  const width = widthOf(input);
  const columns = freeNumericColumns(search, feeds);
  if (width === null || columns.length !== width) {
    tried.push(
      `${columns.length} numeric columns besides the key${width === null ? "" : `, and the input takes ${width}`}`,
    );
    return;
  }
  if (!search.guess) {
    tried.push(`the ${width} numeric columns would fit, but only \`score\` and \`preview\` guess`);
    return;
  }
  feeds.set(input.name, {
    kind: "columns",
    columns: columns.map((column) => ({ column })),
    how: `a guess: the only ${width} numeric columns`,
  });
  warnings.push(
    `guessed the features of "${input.name}": the ${width} numeric columns ${abridged(columns)}, in the input's order; ` +
      "name them with --features to be sure",
  );
}

/** Pixels or an embedding: the one list column of numbers, where its length is the input's or is not known. */
function takeOnlyList(
  search: FeatureSearch,
  open: readonly TensorSpec[],
  feeds: Map<string, Feed>,
  warnings: string[],
  tried: string[],
) {
  const [input, ...others] = open;
  if (input === undefined || others.length > 0) return;
  const [column, ...alternatives] = freeLists(search, feeds, input);
  if (column === undefined || alternatives.length > 0) return;
  if (!search.guess) {
    tried.push(`the list column ${column} would fit, but only \`score\` and \`preview\` guess`);
    return;
  }
  feeds.set(input.name, feedOfOne({ column }, search.schema, "a guess: the only list of numbers"));
  warnings.push(
    `guessed the features of "${input.name}": the list column ${column}; name it with --features to be sure`,
  );
}

/** List columns of numbers that fit the input as far as their type tells, and are neither key nor another input's. */
export function freeLists(
  search: Pick<FeatureSearch, "job" | "schema">,
  feeds: ReadonlyMap<string, Feed>,
  input: TensorSpec,
): readonly string[] {
  const width = widthOf(input);
  if (input.type === "string" || width === 1 || rowDimensions(input)?.length === 0) return [];
  const taken = takenColumns(search, feeds);
  const fits = ({ name, type }: Column): boolean => {
    if (taken.has(name) || (type.kind !== "list" && type.kind !== "fixed-list")) return false;
    if (!isNumeric(type.item) || castProblem(type.item, input.type, { part: null, lossy: false }) !== null)
      return false;
    return type.kind === "list" || width === null || type.size === width;
  };
  return search.schema.filter(fits).map(({ name }) => name);
}

/** Numeric columns that are neither the key nor another input's. */
export function freeNumericColumns(
  search: Pick<FeatureSearch, "job" | "schema">,
  feeds: ReadonlyMap<string, Feed>,
): readonly string[] {
  const taken = takenColumns(search, feeds);
  return search.schema
    .filter(({ name, type }) => isNumeric(type) && !taken.has(name))
    .map(({ name }) => name);
}

function takenColumns(
  { job }: Pick<FeatureSearch, "job">,
  feeds: ReadonlyMap<string, Feed>,
): ReadonlySet<string> {
  const fed = [...feeds.values()].flatMap(columnsOf).map(({ column }) => column);
  return new Set([...job.input.key, ...fed]);
}

/** Values a row that the signature fixes, `null` where it leaves them open. */
export function widthOf(input: TensorSpec): number | null {
  const rowShape = fixedRowShape(rowDimensions(input), new Map());
  return rowShape === null ? null : rowWidth(rowShape);
}

function find(schema: Schema, name: string): Column | undefined {
  return schema.find((column) => column.name === name);
}
