/** What the elements of an output are called: by the model, by the job, or by their numbers. */

import type { TensorSpec } from "../data/tensor.js";
import type { OutputMapping } from "../job/job.js";
import { ownValue } from "../scoring/own-value.js";
import { abridged, didYouMean } from "./did-you-mean.js";
import { type ClassLabel, type OutputBinding, rowWidth } from "./mapping.js";
import type { Problems } from "./problems.js";

/** An output with what is known of its rows. */
export interface ResolvedOutput {
  /** With the job's labels. */
  readonly spec: TensorSpec;
  readonly rowShape: readonly number[] | null;
  /** Of a label: outputs with the scores that it was decided by. */
  readonly certainBy?: readonly string[];
  /** One for each element of a row; `null` if there are no labels. */
  readonly labels: readonly ClassLabel[] | null;
}

export function bindingOf({
  spec,
  rowShape,
  certainBy,
}: ResolvedOutput): Pick<OutputBinding, "output" | "type" | "rowShape" | "certainBy"> {
  const binding = { output: spec.name, type: spec.type, rowShape };
  return certainBy === undefined || certainBy.length === 0 ? binding : { ...binding, certainBy };
}

/** The output under the labels that the job gives its classes. */
export function withLabels(
  spec: TensorSpec,
  { labels }: OutputMapping,
  { problems }: { readonly problems: Problems },
): TensorSpec {
  if (labels === undefined) return spec;
  const own = spec.labels;
  const complain = (message: string, hint: string) =>
    problems.add("mapping.labels", `output "${spec.name}": ${message}`, {
      hint,
      details: { output: spec.name },
    });
  if (isList(labels)) {
    if (own !== undefined && own.length !== labels.length)
      complain(
        `\`labels\` has ${labels.length} names, and the model has ${own.length} classes: ${abridged(own.map(String))}`,
        'name all classes in their order, or some by the model\'s own label: `labels: { "0": no }`',
      );
    return spec.role === "label" ? spec : { ...spec, labels };
  }
  if (own !== undefined)
    for (const label of Object.keys(labels))
      if (!own.map(String).includes(label))
        complain(`it has no class "${label}"`, didYouMean(label, own.map(String), "classes"));
  if (own === undefined && spec.role !== undefined && spec.role !== "label")
    complain("the model does not name its classes", "name them in order: `labels: [a, b]`");
  return own === undefined
    ? spec
    : { ...spec, labels: own.map((label) => ownValue(labels, String(label)) ?? label) };
}

/** Names by the values of a tensor of labels: a list names 0, 1, 2… */
export function byValue(labels: NonNullable<OutputMapping["labels"]>): { readonly [value: string]: string } {
  return isList(labels) ? Object.fromEntries(labels.map((name, place) => [String(place), name])) : labels;
}

function isList(labels: NonNullable<OutputMapping["labels"]>): labels is readonly string[] {
  return Array.isArray(labels);
}

/** Labels only where there is one for each element: some binary classifiers give one score for two classes. */
export function labelsOf(spec: TensorSpec, rowShape: readonly number[] | null): readonly ClassLabel[] | null {
  if (spec.labels === undefined || rowShape === null) return null;
  return spec.labels.length === rowWidth(rowShape) ? spec.labels : null;
}

/** Returns the position of an element in a row, by its label or, without labels, by its number. */
export function elementIndex(
  element: string,
  { spec, rowShape, labels }: ResolvedOutput,
  problems: Problems,
): number | null {
  const details = { output: spec.name, element };
  if (labels !== null) {
    const names = labels.map(String);
    const index = names.indexOf(element);
    if (index >= 0) return index;
    problems.add("mapping.unknown-label", `output "${spec.name}" has no class "${element}"`, {
      hint: didYouMean(element, names, "classes"),
      details: { ...details, labels: names },
    });
    return null;
  }
  const index = Number(element);
  const width = rowShape === null ? Number.POSITIVE_INFINITY : rowWidth(rowShape);
  if (element.trim() !== "" && Number.isInteger(index) && index >= 0 && index < width) return index;
  problems.add(
    "mapping.unknown-element",
    `output "${spec.name}" has no class labels, and "${element}" is not the number of one of its elements`,
    {
      hint: rowShape === null ? "number them from 0" : `its elements are ${elementNames(width)}`,
      details,
    },
  );
  return null;
}

function elementNames(width: number): string {
  return abridged(
    Array.from({ length: Math.min(width, 14) }, (_, index) => String(index)),
    3,
  );
}
