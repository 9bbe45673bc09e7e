import { type Column, typeName } from "../data/column.js";
import type { TensorSpec } from "../data/tensor.js";
import { SpecError } from "../errors.js";
import { inputKind } from "../job/input.js";
import { closest } from "../text/closest-word.js";
import { counted } from "../text/human.js";
import { abridged } from "./did-you-mean.js";
import {
  freeLists,
  freeNumericColumns,
  freeTextColumns,
  looksLikeId,
  widthOf,
} from "./feature-candidates.js";
import { type FeatureSearch, type FoundFeatures, type Guess, guessText } from "./find-features.js";
import { specName } from "./row-shapes.js";
import { textInputs } from "./text-inputs.js";
import { isExporterName } from "./unnamed-inputs.js";
import { yamlWord } from "./yaml-word.js";

/** The error for inputs that no columns were found for: what each needs, what there is, and what to write. */
export function unmatched(search: FeatureSearch, found: FoundFeatures): SpecError {
  if (found.guess !== null) return unaccepted(search, found, found.guess);
  const { schema, job } = search;
  const inputs = found.unmatched;
  const columns = schema.map(({ name, type }) => {
    const role = job.input.key.includes(name) ? ", the key" : "";
    return `${name} (${typeName(type)}${role})`;
  });
  const lines = [
    ...lacks(inputs, search),
    ...few(
      inputs.map((input) => `  ${input.name} is ${specName(input)}: ${needs(input)}${near(input, search)}`),
      "input",
    ),
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

/** The error for a guess that was not accepted. The command adds how the user can accept it. */
function unaccepted(search: FeatureSearch, found: FoundFeatures, guess: Guess): SpecError {
  const { input, columns } = guess;
  const [spec] = found.unmatched;
  return new SpecError(
    "mapping.guess",
    `${dataName(search)} has no column "${input}", and the name of input "${input}" of ${modelName(search)} ` +
      `${spec === undefined ? "" : `(${specName(spec)}) `}does not say which columns feed it.\n` +
      `  ${guessText(guess)} would fit, which is a guess`,
    {
      hint: suggestion(search, found, columns),
      details: { input, columns: [...columns], list: guess.isList },
    },
  );
}

/** Which columns are missing, where, and what needs them: a sentence each, or one for many. */
function lacks(inputs: readonly TensorSpec[], search: FeatureSearch): readonly string[] {
  const names = inputs.map(({ name }) => `"${name}"`);
  if (inputs.length > 4)
    return [
      `${dataName(search)} has no columns for ${inputs.length} inputs of ${modelName(search)}: ${abridged(names, 8)}`,
    ];
  return names.map(
    (name) => `${dataName(search)} has no column ${name}, which input ${name} of ${modelName(search)} needs`,
  );
}

const fewLines = 16;

function few(lines: readonly string[], noun: string): readonly string[] {
  if (lines.length <= fewLines + 1) return lines;
  return [...lines.slice(0, fewLines), `  # … and ${counted(lines.length - fewLines, `more ${noun}`)}`];
}

function dataName({ job: { input } }: FeatureSearch): string {
  return inputKind(input).shortName(input);
}

function modelName({ job }: FeatureSearch): string {
  return baseName(job.model.path);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function needs(input: TensorSpec): string {
  const what = input.type === "string" ? "text" : "numeric";
  const width = widthOf(input);
  if (width === 1) return `one ${what} column`;
  if (width === null) return `${what} columns, or one list column`;
  return `${width} ${what} columns, or one list column of length ${width}`;
}

/** A column that the input's name may be a misspelling of. */
function near(input: TensorSpec, search: FeatureSearch): string {
  const meant = nearColumn(input, search);
  return meant === null ? "" : `; is it column "${meant}"?`;
}

function nearColumn(input: TensorSpec, { schema, job }: FeatureSearch): string | null {
  const isOffered = ({ name, isIndex }: Column): boolean =>
    isIndex !== true && !job.input.key.includes(name) && (!looksLikeId(name) || looksLikeId(input.name));
  return closest(
    input.name,
    schema.filter(isOffered).map(({ name }) => name),
  );
}

function suggestion(search: FeatureSearch, found: FoundFeatures, guessed?: readonly string[]): string {
  const block = ["features:", ...(textBlock(search, found) ?? blocksOf(search, found))];
  const [input, ...others] = found.unmatched;
  const ways =
    input === undefined ||
    others.length > 0 ||
    search.guess === false ||
    search.job.features?.list !== undefined
      ? []
      : [
          ...(guessed === undefined ? [] : ["accept the guess with --accept-guess"]),
          `name ${guessed?.length === 1 ? "it" : "them"} with --features ${shellWord((guessed ?? candidates(input, search, found)).join(","))}`,
        ];
  const flag = [
    ...ways,
    `map ${others.length === 0 ? "it" : "them"} under features of ${search.guess === false ? "the" : "a"} job:`,
  ].join(", or ");
  return [flag, ...few(block, "line").map((line) => `  ${line}`)].join("\n");
}

/** Quoted where a shell would take it apart. */
function shellWord(text: string): string {
  return /^[\w.,:/@%+=-]+$/.test(text) || /…|<column>/.test(text)
    ? text
    : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A text model's inputs, where there is a list of tokens for them. */
function textBlock(search: FeatureSearch, found: FoundFeatures): readonly string[] | null {
  const roles = textInputs(found.unmatched);
  if (roles === null) return null;
  const [list] = freeLists(search, found.feeds, roles.tokens);
  if (list === undefined) return null;
  const { tokens, mask, segments, padTo } = roles;
  const masked = mask === null ? "" : `, mask: ${yamlWord(mask.name)}`;
  return [
    `  ${yamlWord(tokens.name)}: { list: ${yamlWord(list)}, pad_to: ${padTo}, keep: first${masked} }`,
    ...segments.map(({ name }) => `  ${yamlWord(name)}: { value: 0 }`),
  ];
}

function blocksOf(search: FeatureSearch, found: FoundFeatures): readonly string[] {
  return found.unmatched.flatMap((input) => blockOf(input, search, found));
}

function blockOf(input: TensorSpec, search: FeatureSearch, found: FoundFeatures): readonly string[] {
  const name = yamlWord(input.name);
  const list = onlyList(input, search, found);
  if (list !== null) return [`  ${name}: { list: ${yamlWord(list)} }`];
  const columns = candidates(input, search, found).map(yamlWord);
  return widthOf(input) === 1
    ? [`  ${name}: { column: ${columns[0]} }`]
    : [`  ${name}:`, `    stack: [${columns.join(", ")}]`];
}

/**
 * Columns to start from: right in type and, where there are enough, in number. They still need a person's eye. One value
 * under a name of its own has no such column: only a misspelt one.
 */
function candidates(input: TensorSpec, search: FeatureSearch, found: FoundFeatures): readonly string[] {
  const list = onlyList(input, search, found);
  if (list !== null) return [list];
  if (widthOf(input) === 1 && !isExporterName(input.name)) return [nearColumn(input, search) ?? "<column>"];
  const free =
    input.type === "string" ? freeTextColumns(search, found.feeds) : freeNumericColumns(search, found.feeds);
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
