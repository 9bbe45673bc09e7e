/**
 * Which columns feed which model input. In this order: what the job says, `--features`, names in the model's metadata,
 * columns named like the inputs. Only an input whose name says nothing is fed otherwise: by `f0..fN` or `x0..xN`, or by a
 * guess that the user accepted.
 */
import type { Column, Schema } from "../data/column.js";
import type { TensorSpec } from "../data/tensor.js";
import type { Guessing } from "../job/job.js";
import { counted } from "../text/human.js";
import { takeNulls } from "./asked-nulls.js";
import { abridged } from "./did-you-mean.js";
import { type CandidateSearch, freeLists, freeNumericColumns, widthOf } from "./feature-candidates.js";
import { type Feed, feedOfOne, takeFromJob } from "./job-features.js";
import { createProblems, type Problems } from "./problems.js";
import { requireValue } from "./schema-columns.js";
import { isUnnamed } from "./unnamed-inputs.js";

export interface FoundFeatures {
  readonly feeds: ReadonlyMap<string, Feed>;
  readonly warnings: readonly string[];
  /** Inputs that nothing was found for, and what was tried. */
  readonly unmatched: readonly TensorSpec[];
  readonly tried: readonly string[];
  /** What would be taken if guessing was allowed. */
  readonly guess: Guess | null;
}

export interface Guess {
  readonly input: string;
  readonly columns: readonly string[];
  /** The one column is a list of the input's values. */
  readonly isList: boolean;
}

export interface FeatureSearch extends CandidateSearch {
  readonly guess: Guessing;
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
  const guess = guessFor(search, open(), feeds, tried);
  if (guess !== null && search.guess === true) takeGuess(search, guess, feeds, warnings);
  if (open().length === 0) takeNulls(search.job.features?.nulls, signature, feeds, problems);
  problems.throwIfAny();
  return { feeds, warnings, tried, unmatched: open(), guess: search.guess === true ? null : guess };
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
  // One value under a name of its own is a column of that name, whatever the metadata lists.
  const fitting = open.filter(
    (input) =>
      [null, names.length].includes(widthOf(input)) && (names.length > 1 || isUnnamed(input, signature)),
  );
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
function takeNumbered(
  { schema, signature }: FeatureSearch,
  open: readonly TensorSpec[],
  feeds: Map<string, Feed>,
) {
  const [input, ...others] = open;
  if (input === undefined || others.length > 0 || !isUnnamed(input, signature)) return;
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

/**
 * The last resort, for an input whose name says nothing: exactly as many numeric columns as it takes; else pixels or an
 * embedding, the one list column of numbers whose length is the input's or is not known.
 */
function guessFor(
  search: FeatureSearch,
  open: readonly TensorSpec[],
  feeds: ReadonlyMap<string, Feed>,
  tried: string[],
): Guess | null {
  const [input, ...others] = open;
  if (input === undefined || others.length > 0 || input.type === "string") return null;
  if (!isUnnamed(input, search.signature)) return null;
  const width = widthOf(input);
  const columns = freeNumericColumns(search, feeds);
  if (width !== null && columns.length === width) return { input: input.name, columns, isList: false };
  const takes = width === null ? "" : `, and the input takes ${width}`;
  tried.push(`${counted(columns.length, "numeric column")} beside keys, ids, indexes and targets${takes}`);
  const [list, ...moreLists] = freeLists(search, feeds, input);
  return list === undefined || moreLists.length > 0
    ? null
    : { input: input.name, columns: [list], isList: true };
}

function takeGuess({ schema }: FeatureSearch, guess: Guess, feeds: Map<string, Feed>, warnings: string[]) {
  const { input, columns, isList } = guess;
  const [first = ""] = columns;
  feeds.set(
    input,
    isList
      ? feedOfOne({ column: first }, schema, "guessed: the only list of numbers")
      : {
          kind: "columns",
          columns: columns.map((column) => ({ column })),
          how:
            columns.length === 1
              ? "guessed: the only numeric column"
              : `guessed: the only ${counted(columns.length, "numeric column")}`,
        },
  );
  warnings.push(
    `guessed the features of "${input}": ${guessText(guess)}; name them with --features to be sure`,
  );
}

/** What a guess would feed, in the middle of a sentence. */
export function guessText({ columns, isList }: Guess): string {
  if (isList) return `the list column ${columns[0]}`;
  const order = columns.length === 1 ? "" : ", in this order";
  return `${columns.length === 1 ? "the numeric column" : `the ${columns.length} numeric columns`} ${abridged(columns)}${order}`;
}

function find(schema: Schema, name: string): Column | undefined {
  return schema.find((column) => column.name === name);
}
