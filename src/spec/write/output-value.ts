/** Formats one output as a value of a spec. */

import type { TensorSpec } from "../../data/tensor.js";
import type { ClassLabel, OutputBinding } from "../../mapping/mapping.js";

/** @param bindings of one output */
export function outputValue(bindings: readonly OutputBinding[], spec: TensorSpec | undefined): object {
  const labels = bindings.map(labelsIn).find((found) => found !== null) ?? spec?.labels ?? null;
  // An element is named by its label or, without labels, by its index.
  const element = (index: number): string => String(labels?.[index] ?? index);
  const thresholds = bindings.flatMap((binding) =>
    binding.kind === "threshold"
      ? [[binding.column, { label: element(binding.index), at: binding.at }] as const]
      : [],
  );
  return Object.assign(
    {},
    ...bindings.map((binding) => bindingValue(binding, element)),
    labels === null ? {} : renamedLabels(labels, spec?.labels),
    thresholds.length === 0 ? {} : { threshold: Object.fromEntries(thresholds) },
  );
}

function labelsIn(binding: OutputBinding): readonly ClassLabel[] | null {
  return "labels" in binding ? binding.labels : null;
}

function bindingValue(binding: OutputBinding, element: (index: number) => string): object {
  switch (binding.kind) {
    case "scalar":
    case "list":
      return { column: binding.column };
    case "elements":
      return {
        columns: Object.fromEntries(binding.columns.map(({ column, index }) => [column, element(index)])),
      };
    case "renamed":
      return { column: binding.column, labels: binding.names };
    case "argmax":
      return { argmax: binding.column };
    case "threshold":
      return {};
    case "top-k":
      return topKValue(binding);
  }
}

function topKValue({ column, k, ids, exclude, rank }: OutputBinding & { readonly kind: "top-k" }): object {
  return {
    column,
    top_k: k,
    ...(ids === null
      ? {}
      : { ids: { file: ids.file, ...(ids.column === null ? {} : { column: ids.column }) } }),
    ...(exclude === null ? {} : { exclude: exclude.column }),
    ...(rank ? { rank } : {}),
  };
}

/** Returns the job's own names: all of them, or those that differ from the model's. */
function renamedLabels(labels: readonly ClassLabel[], own: readonly ClassLabel[] | undefined): object {
  if (own === undefined) return { labels: labels.map(String) };
  const names = own.flatMap((label, index) =>
    labels[index] === label ? [] : [[String(label), String(labels[index] ?? label)] as const],
  );
  return names.length === 0 ? {} : { labels: Object.fromEntries(names) };
}
