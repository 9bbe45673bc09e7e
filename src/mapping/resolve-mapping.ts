/**
 * Resolves which columns feed which tensors, and which columns the predictions become. Pure: a job, a signature and a
 * schema in, a mapping or one explanation out.
 */
import { type ColumnType, type Schema, typeName } from "../data/column.js";
import type { Signature, TensorType } from "../data/tensor.js";
import type { Guessing, Job } from "../job/job.js";
import { isFloatTensor, listShape, valueType } from "./casts.js";
import { abridged } from "./did-you-mean.js";
import { unmatched } from "./explain-unmatched.js";
import { type MappingFiles, noFiles } from "./files/mapping-files.js";
import { findFeatures } from "./find-features.js";
import type { Feed } from "./job-features.js";
import type { BoundColumn, InputBinding, Mapping, OutputBinding } from "./mapping.js";
import { createProblems } from "./problems.js";
import {
  outputColumns,
  refuseClashes,
  requirePartitionColumns,
  requirePassthrough,
  resolveAdded,
  resolvePassthrough,
} from "./resolve-columns.js";
import { resolveInputs } from "./resolve-inputs.js";
import { resolveOutputs } from "./resolve-outputs.js";
import { type Symbols, specName } from "./row-shapes.js";
import { findColumn } from "./schema-columns.js";
import { requireReadable } from "./unreadable-columns.js";

export interface MappingOptions {
  readonly job: Job;
  readonly signature: Signature;
  readonly schema: Schema;
  readonly guess: Guessing;
  /** What the files hold that the job's mapping names. */
  readonly files?: MappingFiles;
  /** What data and model showed where signature and schema leave sizes open; see `settleMapping`. */
  readonly observed?: Observed;
}

export interface Observed {
  /** Values a row, by list column. */
  readonly listLengths: { readonly [column: string]: number };
  /** Shapes behind the batch dimension, by output. */
  readonly rowShapes: { readonly [output: string]: readonly number[] };
  /** Columns for which the model makes nothing of a missing value. */
  readonly refusesMissing?: readonly string[];
}

/**
 * @throws SpecError `mapping.unmatched` when inputs stay without columns; `mapping.*` for the one mistake found, or
 * `mapping.several` for all of them.
 */
export function resolveMapping(options: MappingOptions): Mapping {
  const { job, signature, schema, observed, files = noFiles } = options;
  const features = findFeatures(options);
  if (features.unmatched.length > 0) throw unmatched(options, features);

  const problems = createProblems();
  const warnings = [...features.warnings];
  const symbols: Symbols = new Map();
  const inputs = resolveInputs({
    signature,
    schema,
    feeds: features.feeds,
    files,
    takesMissing: (column) =>
      signature.knowsMissing !== false && observed?.refusesMissing?.includes(column) !== true,
    listLengths: observed?.listLengths ?? {},
    symbols,
    problems,
  });
  const rowShapes = observed?.rowShapes ?? {};
  const outputs = resolveOutputs({ job, schema, signature, symbols, rowShapes, files, problems, warnings });
  const read = [...inputs.flatMap(boundColumns), ...outputs.flatMap(excludedColumns)];
  const named = job.passthrough.kind === "columns" ? job.passthrough.columns : [];
  requireReadable(schema, [...job.input.key, ...named], read);
  // A struct of which a field is a feature is not one itself.
  const whole = inputs.flatMap(boundColumns).filter(({ path }) => path.length === 1);
  const fed = new Set(whole.map(({ column }) => column));
  requirePassthrough(job, schema, problems);
  const passthrough = resolvePassthrough(job, schema, fed, problems, warnings);
  const added = resolveAdded(job, problems);
  refuseClashes({ passthrough, outputs, added }, problems);
  const columns = outputColumns({ schema, passthrough, outputs, added });
  // A `post` hook may bring them: then they are looked for once it is known what it adds.
  if (job.hooks.post === null) requirePartitionColumns(job, columns, problems);
  problems.throwIfAny();

  const needed = new Set([...passthrough, ...read.map(({ column, path }) => path[0] ?? column)]);
  return {
    inputs,
    outputs,
    passthrough,
    added,
    reads: schema.map((column) => column.name).filter((name) => needed.has(name)),
    columns,
    found: signature.inputs.flatMap((input) => {
      const feed = features.feeds.get(input.name);
      return feed === undefined ? [] : [`${input.name} (${specName(input)}) from ${describe(feed, schema)}`];
    }),
    warnings: [...warnings, ...zoneWarnings(inputs), ...fractionWarnings(inputs)],
  };
}

/** What an input is fed from. */
function boundColumns(binding: InputBinding): readonly BoundColumn[] {
  if (binding.kind === "constant") return [];
  return binding.kind === "columns" ? binding.columns : [binding.column];
}

/** What an output looks at besides the prediction. */
function excludedColumns(binding: OutputBinding): readonly BoundColumn[] {
  return binding.kind === "top-k" && binding.exclude !== null ? [binding.exclude] : [];
}

function describe(feed: Feed, schema: Schema): string {
  if (feed.kind === "constant") return `the constant ${JSON.stringify(feed.value)}: ${feed.how}`;
  if (feed.kind === "mask") return `the lengths of ${feed.column.column}: ${feed.how}`;
  if (feed.kind === "list") return `list column ${feed.column.column}: ${feed.how}`;
  const names = feed.columns.map(({ column, part, timezone }) => {
    if (part === undefined) return column;
    const zone = timezone ?? zoneOf(findColumn(schema, column)?.type);
    return zone === null ? `${part} of ${column}` : `${part} of ${column} in ${zone}`;
  });
  return names.length === 1 ? `${names[0]}: ${feed.how}` : `${abridged(names, 8)}: ${feed.how}`;
}

function zoneOf(type: ColumnType | undefined): string | null {
  return type?.kind === "timestamp" && type.timezone !== "UTC" ? type.timezone : null;
}

/** Floats feed integers where they are whole, which only the rows tell. */
function fractionWarnings(inputs: readonly InputBinding[]): readonly string[] {
  const warnings = inputs.flatMap((binding) => {
    if (binding.kind !== "columns" && binding.kind !== "list") return [];
    const wanted = (column: BoundColumn): TensorType => column.dtype ?? binding.type;
    return boundColumns(binding).flatMap((column) => {
      const type = valueType(listShape(column.type)?.item ?? column.type);
      const mayHaveFraction = type.kind === "float" || (type.kind === "decimal" && type.scale > 0);
      if (!mayHaveFraction || column.lossy || column.map !== null || isFloatTensor(wanted(column))) return [];
      return [
        `column "${column.column}" is ${typeName(type)}, and ${wanted(column)} is wanted of it: rows where it is not whole ` +
          "fail; `cast: lossy` cuts fractions off",
      ];
    });
  });
  return [...new Set(warnings)];
}

/** `part` of a column without a zone is taken as if its times were UTC, wherever the job looks at them from. */
function zoneWarnings(inputs: readonly InputBinding[]): readonly string[] {
  const columns = inputs.flatMap((binding) => (binding.kind === "columns" ? binding.columns : []));
  const warnings = columns.flatMap(({ column, type, part, timezone }) =>
    part !== null && type.kind === "timestamp" && type.timezone === null && timezone !== "UTC"
      ? [`column "${column}" has no time zone; it is read as UTC, and \`part\` is taken in ${timezone}`]
      : [],
  );
  return [...new Set(warnings)];
}
