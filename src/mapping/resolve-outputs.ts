/** Which column each element of each output becomes. */
import type { Schema } from "../data/column.js";
import type { Signature, TensorSpec } from "../data/tensor.js";
import type { Job, OutputMapping } from "../job/job.js";
import { ownValue } from "../scoring/own-value.js";
import { bindPicks } from "./bind-picks.js";
import { bindTopK } from "./bind-top-k.js";
import { isFloatTensor } from "./casts.js";
import { didYouMean } from "./did-you-mean.js";
import type { MappingFiles } from "./files/mapping-files.js";
import { type OutputBinding, rowWidth } from "./mapping.js";
import {
  bindingOf,
  byValue,
  elementIndex,
  labelsOf,
  type ResolvedOutput,
  withLabels,
} from "./output-labels.js";
import type { Problems } from "./problems.js";
import { fixedRowShape, rowDimensions, type Symbols } from "./row-shapes.js";

/** A classifier with more classes than this gets one list column instead of a column a class. */
const maxProbabilityColumns = 20;

export interface OutputResolution {
  readonly job: Job;
  readonly schema: Schema;
  readonly signature: Signature;
  readonly symbols: Symbols;
  /** Row shapes as seen in a prediction, where the signature leaves them open. */
  readonly rowShapes: { readonly [output: string]: readonly number[] };
  readonly files: MappingFiles;
  readonly problems: Problems;
  readonly warnings: string[];
}

/** The job's outputs where it names any, else all of the model's. */
export function resolveOutputs(resolution: OutputResolution): readonly OutputBinding[] {
  const { job, signature } = resolution;
  const named = Object.entries(job.outputs);
  if (named.length === 0) return signature.outputs.flatMap((spec) => bindOutput(spec, {}, resolution));
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
    return bindOutput(spec, mapping, resolution);
  });
}

/**
 * By tensor name, else by role: `label`, `probabilities` and `scores` are a classifier's, regardless of their names in the export.
 * A job may go on to call scores probabilities: its columns have names of their own.
 */
function findOutput(name: string, { signature, problems }: OutputResolution): TensorSpec | null {
  const byName = signature.outputs.find((spec) => spec.name === name);
  const ofRole = (role: string) => signature.outputs.filter((spec) => spec.role === role);
  const byRole = name === "probabilities" && ofRole(name).length === 0 ? ofRole("scores") : ofRole(name);
  const spec = byName ?? (byRole.length === 1 ? byRole[0] : undefined);
  if (spec !== undefined) return spec;
  const names = signature.outputs.map((output) => output.name);
  const isConstant = signature.metadata["onnx.constant_outputs"]?.split("; ").includes(name) === true;
  const message = isConstant
    ? `output "${name}" does not depend on the input: no row has a value of its own`
    : `the model has no output "${name}"`;
  problems.add("mapping.unknown-output", message, {
    hint: didYouMean(name, names, "model outputs"),
    details: { output: name, outputs: names },
  });
  return null;
}

/** Binds the columns that the job defines for an output, or its default columns if the job defines none. */
function bindOutput(
  declared: TensorSpec,
  mapping: OutputMapping,
  resolution: OutputResolution,
): readonly OutputBinding[] {
  const spec = withLabels(declared, mapping, resolution);
  const rowShape = outputRowShape(spec, resolution);
  const certainBy = spec.role === "label" ? scoresIn(resolution.signature) : [];
  const output = { spec, rowShape, certainBy, labels: labelsOf(spec, rowShape) };
  const picked = [
    ...bindColumns(output, mapping, resolution),
    ...bindPicks(output, mapping, resolution.problems),
    ...bindTopK(output, mapping, resolution),
  ];
  return picked.length > 0 || wantsColumns(mapping) ? picked : [bindDefault(output, mapping, resolution)];
}

function scoresIn({ outputs }: Signature): readonly string[] {
  return outputs.filter(({ role }) => role === "probabilities" || role === "scores").map(({ name }) => name);
}

function wantsColumns({ column, columns, argmax, threshold, topK }: OutputMapping): boolean {
  return [column, columns, argmax, threshold, topK].some((wanted) => wanted !== undefined);
}

/** `column` and `columns`: values of the output as they are. */
function bindColumns(
  output: ResolvedOutput,
  { column, columns, labels, topK }: OutputMapping,
  { problems }: OutputResolution,
): readonly OutputBinding[] {
  const { spec } = output;
  if (columns !== undefined) {
    if (column !== undefined)
      problems.add("mapping.output-columns", `outputs: "${spec.name}" has both \`column\` and \`columns\``, {
        hint: "keep one of them",
        details: { output: spec.name },
      });
    const elements = Object.entries(columns).flatMap(([name, element]) => {
      const index = elementIndex(element, output, problems);
      return index === null ? [] : [{ column: name, index }];
    });
    return [{ ...bindingOf(output), kind: "elements", columns: elements }];
  }
  return column === undefined || topK !== undefined ? [] : [whole(output, column, labels)];
}

/** Names of columns: of one with all classes, and of one a class. */
const classColumns = {
  probabilities: { list: "probabilities", each: "probability" },
  scores: { list: "scores", each: "score" },
} as const;

function bindDefault(
  output: ResolvedOutput,
  mapping: OutputMapping,
  { signature }: OutputResolution,
): OutputBinding {
  const { spec, labels, rowShape } = output;
  const ofClasses = spec.role === undefined || spec.role === "label" ? undefined : classColumns[spec.role];
  if (ofClasses !== undefined && labels !== null) {
    if (labels.length > maxProbabilityColumns) return whole(output, ofClasses.list);
    const columns = labels.map((label, index) => ({ column: `${ofClasses.each}_${label}`, index }));
    return { ...bindingOf(output), kind: "elements", columns };
  }
  const sameRole = signature.outputs.filter(({ role }) => role === "label");
  const isWidthOne = rowShape !== null && rowWidth(rowShape) === 1;
  const column =
    spec.role === "label" && sameRole.length === 1
      ? "prediction"
      : spec.role === "scores" && /prob/i.test(spec.name)
        ? // The export calls it probabilities, whatever the model computes.
          isWidthOne
          ? "score"
          : "scores"
        : spec.name;
  return whole(output, column, mapping.labels);
}

/** The whole row in one column: a scalar where it is one value, a list otherwise, also while its shape is open. */
function whole(output: ResolvedOutput, column: string, names?: OutputMapping["labels"]): OutputBinding {
  const { spec, rowShape, labels } = output;
  if (rowShape === null || rowWidth(rowShape) !== 1)
    return { ...bindingOf(output), kind: "list", column, labels };
  return names !== undefined && !isFloatTensor(spec.type)
    ? { ...bindingOf(output), kind: "renamed", column, names: byValue(names) }
    : { ...bindingOf(output), kind: "scalar", column };
}

function outputRowShape(
  spec: TensorSpec,
  { symbols, rowShapes }: OutputResolution,
): readonly number[] | null {
  const seen = ownValue(rowShapes, spec.name);
  if (seen !== undefined) return seen;
  const dimensions = rowDimensions(spec);
  const fixed = fixedRowShape(dimensions, symbols);
  if (fixed !== null) return fixed;
  const isOpenRow = dimensions === null || dimensions.length === 1;
  if (spec.role === "label" && isOpenRow) return [];
  return spec.role !== undefined && spec.labels !== undefined && isOpenRow ? [spec.labels.length] : null;
}
