/** Converts the mapping part of a checked spec into that of a {@link Job}. */
import type {
  CategorySpec,
  ColumnMapping,
  ColumnRules,
  FeatureMapping,
  InputMapping,
  OutputMapping,
} from "../job/job.js";
import type { JobSpec } from "./schema.js";

type FeatureSpec = NonNullable<JobSpec["features"]>[string];
type InputSpec = Exclude<FeatureSpec, string>;
type StackElement = NonNullable<InputSpec["stack"]>[number];

/** Makes a path of the spec absolute. */
type Absolute = (path: string) => string;

export function toFeatures(
  features: NonNullable<JobSpec["features"]>,
  absolute: Absolute,
): FeatureMapping | null {
  if (Object.keys(features).length === 0) return null;
  return { inputs: mapValues(features, (feature) => toInput(feature, absolute)) };
}

function toInput(spec: FeatureSpec, absolute: Absolute): InputMapping {
  if (typeof spec === "string") return { kind: "column", column: spec };
  if (spec.value !== undefined) return { kind: "constant", value: spec.value };
  const rules = toRules(spec);
  if (spec.stack !== undefined)
    return { kind: "stack", stack: spec.stack.map((column) => toColumn(column, absolute)), ...rules };
  if (spec.list !== undefined) {
    const { list, dim, pad_to: padTo, pad_with: padWith, keep, mask, map } = spec;
    const own = { dim, padTo, padWith, keep, mask, map: toMap(map, absolute) };
    return { kind: "list", list, ...present(own), ...rules };
  }
  return { kind: "column", ...toColumn({ ...spec, column: spec.column ?? "" }, absolute) };
}

function toColumn(spec: StackElement, absolute: Absolute): ColumnMapping {
  if (typeof spec === "string") return { column: spec };
  const { column, part, timezone, map } = spec;
  return { column, ...present({ part, timezone, map: toMap(map, absolute) }), ...toRules(spec) };
}

function toRules({ nulls, cast, dtype }: Pick<InputSpec, "nulls" | "cast" | "dtype">): ColumnRules {
  return present({ nulls, cast, dtype });
}

function toMap(map: InputSpec["map"], absolute: Absolute): CategorySpec | undefined {
  return map === undefined ? undefined : present({ file: absolute(map.file), unknown: map.unknown });
}

export function toOutput(spec: JobSpec["outputs"][string], absolute: Absolute): OutputMapping {
  const { column, columns, labels, argmax, threshold } = spec;
  return present({
    column,
    columns: columns === undefined ? undefined : mapValues(columns, String),
    labels,
    argmax,
    threshold:
      threshold === undefined
        ? undefined
        : mapValues(threshold, ({ label, at }) =>
            present({ at, label: label === undefined ? undefined : String(label) }),
          ),
    topK: toTopK(spec, absolute),
  });
}

function toTopK(
  { top_k: k, ids, exclude, rank = false }: JobSpec["outputs"][string],
  absolute: Absolute,
): OutputMapping["topK"] {
  if (k === undefined) return undefined;
  const file = ids === undefined ? undefined : present({ file: absolute(ids.file), column: ids.column });
  return present({ k, rank, ids: file, exclude });
}

export function mapValues<From, To>(
  record: { readonly [key: string]: From },
  convert: (value: From) => To,
): { readonly [key: string]: To } {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, convert(value)]));
}

type Present<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** Removes keys without a value, because jobs are compared and stored as JSON. */
function present<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, held]) => held !== undefined)) as Present<T>;
}
