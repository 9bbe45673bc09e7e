/** Which column each element of each output becomes. */
import type { Job, OutputMapping } from "../../job.js";
import { type OutputBinding, rowWidth } from "../../mapping.js";
import type { Signature, TensorSpec } from "../../tensor.js";
import { abridged, didYouMean } from "./did-you-mean.js";
import type { Problems } from "./problems.js";
import { fixedRowShape, rowDimensions, type Symbols } from "./row-shapes.js";

/** A classifier with more classes than this gets one list column instead of a column a class. */
const maxProbabilityColumns = 20;

export interface OutputResolution {
  readonly job: Job;
  readonly signature: Signature;
  readonly symbols: Symbols;
  /** Row shapes as seen in a prediction, where the signature leaves them open. */
  readonly rowShapes: { readonly [output: string]: readonly number[] };
  readonly problems: Problems;
}

/** The job's outputs where it names any, else all of the model's. */
export function resolveOutputs(resolution: OutputResolution): readonly OutputBinding[] {
  const { job, signature } = resolution;
  const named = Object.entries(job.outputs);
  if (named.length === 0) return signature.outputs.map((spec) => bindOutput(spec, {}, resolution));
  const taken = new Set<string>();
  return named.flatMap(([name, mapping]) => {
    const spec = findOutput(name, resolution);
    if (spec === null) return [];
    if (taken.has(spec.name)) {
      resolution.problems.add(
        "mapping.output-twice",
        `outputs: "${name}" is output "${spec.name}" once more`,
        {
          hint: "name every output once",
          details: { output: spec.name },
        },
      );
      return [];
    }
    taken.add(spec.name);
    return [bindOutput(spec, mapping, resolution)];
  });
}

/** By tensor name, else by role: `label` and `probabilities` are a classifier's, whatever its export calls them. */
function findOutput(name: string, { signature, problems }: OutputResolution): TensorSpec | null {
  const byName = signature.outputs.find((spec) => spec.name === name);
  const byRole = signature.outputs.filter((spec) => spec.role === name);
  const spec = byName ?? (byRole.length === 1 ? byRole[0] : undefined);
  if (spec !== undefined) return spec;
  const names = signature.outputs.map((output) => output.name);
  problems.add("mapping.unknown-output", `the model has no output "${name}"`, {
    hint: didYouMean(name, names, "model outputs"),
    details: { output: name, outputs: names },
  });
  return null;
}

function bindOutput(spec: TensorSpec, mapping: OutputMapping, resolution: OutputResolution): OutputBinding {
  const rowShape = outputRowShape(spec, resolution);
  const binding = { output: spec.name, type: spec.type, rowShape };
  if (mapping.columns !== undefined) {
    if (mapping.column !== undefined)
      resolution.problems.add(
        "mapping.output-columns",
        `outputs: "${spec.name}" has both \`column\` and \`columns\``,
        { hint: "keep one of them", details: { output: spec.name } },
      );
    const columns = Object.entries(mapping.columns).flatMap(([column, element]) => {
      const index = elementIndex(element, spec, rowShape, resolution.problems);
      return index === null ? [] : [{ column, index }];
    });
    return { ...binding, kind: "elements", columns };
  }
  if (mapping.column !== undefined) return whole(binding, mapping.column);
  const labels = labelsOf(spec, rowShape);
  if (spec.role === "probabilities" && labels !== null) {
    if (labels.length > maxProbabilityColumns) return whole(binding, "probabilities");
    const columns = labels.map((label, index) => ({ column: `probability_${label}`, index }));
    return { ...binding, kind: "elements", columns };
  }
  const sameRole = resolution.signature.outputs.filter((output) => output.role === "label");
  return whole(binding, spec.role === "label" && sameRole.length === 1 ? "prediction" : spec.name);
}

/** The whole row in one column: a scalar where it is one value, a list otherwise, also while its shape is open. */
function whole(binding: Pick<OutputBinding, "output" | "type" | "rowShape">, column: string): OutputBinding {
  const scalar = binding.rowShape !== null && rowWidth(binding.rowShape) === 1;
  return { ...binding, kind: scalar ? "scalar" : "list", column };
}

function outputRowShape(
  spec: TensorSpec,
  { symbols, rowShapes }: OutputResolution,
): readonly number[] | null {
  const seen = rowShapes[spec.name];
  if (seen !== undefined) return seen;
  const dimensions = rowDimensions(spec);
  const fixed = fixedRowShape(dimensions, symbols);
  if (fixed !== null) return fixed;
  const isOpenRow = dimensions === null || dimensions.length === 1;
  if (spec.role === "label" && isOpenRow) return [];
  return spec.role === "probabilities" && spec.labels !== undefined && isOpenRow
    ? [spec.labels.length]
    : null;
}

/** Labels only where there is one for each element: some binary classifiers give one score for two classes. */
function labelsOf(spec: TensorSpec, rowShape: readonly number[] | null): readonly string[] | null {
  if (spec.labels === undefined || rowShape === null) return null;
  return spec.labels.length === rowWidth(rowShape) ? spec.labels.map(String) : null;
}

function elementIndex(
  element: string,
  spec: TensorSpec,
  rowShape: readonly number[] | null,
  problems: Problems,
): number | null {
  const labels = labelsOf(spec, rowShape);
  const details = { output: spec.name, element };
  if (labels !== null) {
    const index = labels.indexOf(element);
    if (index >= 0) return index;
    problems.add("mapping.unknown-label", `output "${spec.name}" has no class "${element}"`, {
      hint: didYouMean(element, labels, "classes"),
      details: { ...details, labels },
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
