/** What `score --nulls` says of nulls, put into the feeds: by column, or for all of them. */

import type { Signature, TensorType } from "../data/tensor.js";
import type { ColumnMapping, NullAnswers, NullRule } from "../job/job.js";
import { didYouMean } from "./did-you-mean.js";
import { columnsOf, type Feed } from "./job-features.js";
import type { Problems } from "./problems.js";

export function takeNulls(
  answers: NullAnswers | undefined,
  signature: Signature,
  feeds: Map<string, Feed>,
  problems: Problems,
): void {
  if (answers === undefined) return;
  const fed = [...new Set([...feeds.values()].flatMap(columnsOf).map(({ column }) => column))];
  for (const name of Object.keys(answers.columns))
    if (!fed.includes(name))
      problems.add("mapping.unknown-column", `--nulls names "${name}", which feeds no input of the model`, {
        hint: didYouMean(name, fed, "columns that feed it"),
        details: { column: name },
      });
  for (const { name, type } of signature.inputs) {
    const feed = feeds.get(name);
    if (feed === undefined || feed.kind === "constant" || feed.kind === "mask") continue;
    const answered = (column: ColumnMapping) => withAnswer(column, answers, type);
    feeds.set(
      name,
      feed.kind === "columns"
        ? { ...feed, columns: feed.columns.map(answered) }
        : { ...feed, column: answered(feed.column) },
    );
  }
}

function withAnswer(mapping: ColumnMapping, { all, columns }: NullAnswers, type: TensorType): ColumnMapping {
  const own = Object.hasOwn(columns, mapping.column) ? columns[mapping.column] : all;
  return mapping.nulls !== undefined || own === undefined
    ? mapping
    : { ...mapping, nulls: ruleOf(own, type) };
}

/** A value is written in the type of the input; what is none is refused when the column is bound. */
function ruleOf(text: string, type: TensorType): NullRule {
  if (text === "nan" || text === "error" || text === "reject" || type === "string") return text;
  if (type === "bool" && (text === "true" || text === "false")) return text === "true";
  const number = Number(text);
  return text.trim() === "" || Number.isNaN(number) ? text : number;
}
