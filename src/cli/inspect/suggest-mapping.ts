/** The mapping that a model would have, before there is a job: over real columns, or over names to be replaced. */
import type { ColumnType, Schema } from "../../data/column.js";
import type { Signature, TensorSpec, TensorType } from "../../data/tensor.js";
import { SpecError } from "../../errors.js";
import type { InputMapping, Job } from "../../job/job.js";
import { widthOf } from "../../mapping/feature-candidates.js";
import type { Mapping } from "../../mapping/mapping.js";
import { resolveMapping } from "../../mapping/resolve-mapping.js";
import { rowDimensions } from "../../mapping/row-shapes.js";
import { textInputs } from "../../mapping/text-inputs.js";
import { modelJob } from "../lookup/model-job.js";

export interface SuggestedMapping {
  readonly mapping: Mapping;
  /** Its columns are not those of any data: people have to put theirs in. */
  readonly isPlaceholder: boolean;
}

/** Wider inputs are shown as one list column. */
const mostNumberedColumns = 64;

/** @param schema of the given data, `null` if no data is given; a mapping that does not fit it is not suggested */
export function suggestMapping(signature: Signature, schema: Schema | null): SuggestedMapping | null {
  if (schema !== null) {
    const mapping = orNull(() => resolveMapping({ job: bareJob(), signature, schema, guess: false }));
    if (mapping !== null) return { mapping, isPlaceholder: false };
  }
  const mapping = orNull(() => placeholderMapping(signature));
  return mapping === null ? null : { mapping, isPlaceholder: true };
}

/** A model may be such that no mapping fits it, which is for `preview` and `score` to explain. */
function orNull(resolve: () => Mapping): Mapping | null {
  try {
    return resolve();
  } catch (error) {
    if (error instanceof SpecError) return null;
    throw error;
  }
}

function bareJob(): Job {
  return modelJob("model.onnx", [], { to: "out", overwrite: false }, { keep: "none" }, "/");
}

function placeholderMapping(signature: Signature): Mapping {
  const { inputs, schema } = textPlaceholders(signature) ?? placeholders(signature);
  return resolveMapping({ job: { ...bareJob(), features: { inputs } }, signature, schema, guess: false });
}

interface Placeholders {
  readonly inputs: { readonly [input: string]: InputMapping };
  readonly schema: Schema;
}

function placeholders(signature: Signature): Placeholders {
  const made = signature.inputs.map((input) => ({ input, ...placeholder(input, signature) }));
  return {
    inputs: Object.fromEntries(made.map(({ input, mapping }) => [input.name, mapping])),
    schema: made.flatMap(({ columns, type }) => columns.map((name) => ({ name, type, nullable: true }))),
  };
}

/** A model that reads text takes one list of tokens; the rest follows from it. */
function textPlaceholders(signature: Signature): Placeholders | null {
  const roles = textInputs(signature.inputs);
  if (roles === null) return null;
  const { tokens, mask, segments, padTo } = roles;
  const list = {
    list: tokens.name,
    padTo,
    keep: "first",
    ...(mask === null ? {} : { mask: mask.name }),
  } as const;
  const constants = segments.map(({ name }) => [name, { kind: "constant", value: 0 }] as const);
  const type = { kind: "list", item: columnTypeFor(tokens.type) } as const;
  return {
    inputs: { [tokens.name]: { kind: "list", ...list }, ...Object.fromEntries(constants) },
    schema: [{ name: tokens.name, type, nullable: true }],
  };
}

interface Placeholder {
  readonly mapping: InputMapping;
  readonly columns: readonly string[];
  readonly type: ColumnType;
}

function placeholder(input: TensorSpec, { featureNames }: Signature): Placeholder {
  const width = widthOf(input);
  const type = columnTypeFor(input.type);
  if (width === 1 || (width === null && (rowDimensions(input)?.length ?? 0) === 0))
    return { mapping: { kind: "column", column: input.name }, columns: [input.name], type };
  const names = featureNames !== null && featureNames.length === width ? featureNames : null;
  if (width === null || (names === null && width > mostNumberedColumns))
    return {
      mapping: { kind: "list", list: input.name },
      columns: [input.name],
      type: width === null ? { kind: "list", item: type } : { kind: "fixed-list", item: type, size: width },
    };
  const columns = names ?? Array.from({ length: width }, (_, index) => `f${index}`);
  return { mapping: { kind: "stack", stack: columns.map((column) => ({ column })) }, columns, type };
}

function columnTypeFor(type: TensorType): ColumnType {
  if (type === "string") return { kind: "utf8" };
  if (type === "bool") return { kind: "bool" };
  const [, unsigned, kind, bits] = /^(u?)(int|float)(\d+)$/.exec(type) ?? [];
  if (kind === "float") return { kind: "float", bits: bits === "64" ? 64 : 32 };
  const width = ([8, 16, 32, 64] as const).find((each) => String(each) === bits) ?? 64;
  return { kind: "int", bits: width, signed: unsigned === "" };
}
