/** Columns that may be a guess or a suggestion for an input: right in type, free, and not something else by their name. */
import { type Column, isNumeric, type Schema } from "../data/column.js";
import type { Signature, TensorSpec } from "../data/tensor.js";
import type { Job } from "../job/job.js";
import { castProblem, isFloatTensor, listShape } from "./casts.js";
import { columnsOf, type Feed } from "./job-features.js";
import { rowWidth } from "./mapping.js";
import { fixedRowShape, rowDimensions } from "./row-shapes.js";

export interface CandidateSearch {
  readonly job: Job;
  readonly signature: Signature;
  readonly schema: Schema;
}

type Feeds = ReadonlyMap<string, Feed>;

/** Names of columns that identify a row: `id`, `customer_id`, `userId`, `index`, `Unnamed: 0`. */
export function looksLikeId(name: string): boolean {
  return (
    /(^|[_\W])(id|key|uuid|guid)$/i.test(name) ||
    /[a-z](Id|ID|Key|Uuid|UUID)$/.test(name) ||
    /^(index|__index_level_\d+__|level_\d+|unnamed: ?\d+|row_?(id|num|number|no|nr)|rowid)$/i.test(name)
  );
}

/** Numeric columns that could be features of an input. */
export function freeNumericColumns(search: CandidateSearch, feeds: Feeds): readonly string[] {
  return free(search, feeds)
    .filter(({ type }) => isNumeric(type))
    .map(({ name }) => name);
}

/** Text columns that could be features of an input. */
export function freeTextColumns(search: CandidateSearch, feeds: Feeds): readonly string[] {
  return free(search, feeds)
    .filter(({ type }) => type.kind === "utf8" || (type.kind === "dictionary" && type.value.kind === "utf8"))
    .map(({ name }) => name);
}

/** List columns of numbers that fit the input as far as their type tells. */
export function freeLists(search: CandidateSearch, feeds: Feeds, input: TensorSpec): readonly string[] {
  const width = widthOf(input);
  if (input.type === "string" || width === 1 || rowDimensions(input)?.length === 0) return [];
  const fits = ({ type }: Column): boolean => {
    const list = listShape(type);
    if (list === null) return false;
    const { item, lengths } = list;
    // Floats may hold integers, but a list of tokens is one of integers.
    if (item.kind === "float" && !isFloatTensor(input.type)) return false;
    if (!isNumeric(item) || castProblem(item, input.type, { part: null }) !== null) return false;
    const levels = rowDimensions(input)?.filter((size) => size !== 1).length ?? lengths.length;
    if (lengths.length > 1 && lengths.length !== levels) return false;
    return width === null || !lengths.every((length) => length !== null) || rowWidth(lengths) === width;
  };
  return free(search, feeds)
    .filter(fits)
    .map(({ name }) => name);
}

/** Values a row that the signature fixes, `null` where it leaves them open. */
export function widthOf(input: TensorSpec): number | null {
  const rowShape = fixedRowShape(rowDimensions(input), new Map());
  return rowShape === null ? null : rowWidth(rowShape);
}

/** Neither the key, nor another input's, nor an id, an index or what the model was trained to predict. */
function free({ job, schema, signature }: CandidateSearch, feeds: Feeds): readonly Column[] {
  const fed = [...feeds.values()].flatMap(columnsOf).map(({ column }) => column);
  const outputs = signature.outputs.map(({ name }) => name);
  const taken = new Set([...job.input.key, ...fed, ...outputs]);
  return schema.filter(
    ({ name, isIndex }) =>
      !taken.has(name) && isIndex !== true && !looksLikeId(name) && !looksLikeTarget(name),
  );
}

function looksLikeTarget(name: string): boolean {
  return /^(target|targets|label|labels|y|y_true|class|outcome|response|ground_truth|prediction)$/i.test(
    name,
  );
}
