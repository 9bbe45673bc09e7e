/** What the job says about one column, checked against its type and the tensor that it feeds. */
import { type ColumnType, type Schema, typeName } from "../data/column.js";
import type { TensorSpec } from "../data/tensor.js";
import type { JsonValue } from "../errors.js";
import type { ColumnMapping } from "../job/job.js";
import { offsetSeconds } from "../scoring/binding/time-parts.js";
import {
  allowedNulls,
  type CastProblem,
  castProblem,
  dtypeProblem,
  fits,
  isFloatTensor,
  listShape,
  mapProblem,
  valueType,
} from "./casts.js";
import { categoryMap } from "./category-maps.js";
import type { MappingFiles } from "./files/mapping-files.js";
import type { BoundColumn, NullPolicy } from "./mapping.js";
import type { Problems } from "./problems.js";
import { findColumn } from "./schema-columns.js";

interface Context {
  /** Whether the model takes NaN for a missing value of the column. */
  readonly takesMissing: (column: string) => boolean;
  readonly schema: Schema;
  readonly files: MappingFiles;
  readonly problems: Problems;
}

/** @param as whether the column gives a value or a list a row */
export function boundColumn(
  mapping: ColumnMapping,
  input: TensorSpec,
  as: "value" | "list",
  { schema, files, problems, takesMissing }: Context,
): BoundColumn {
  const { path, type } = findColumn(schema, mapping.column) ?? {
    path: [mapping.column],
    type: { kind: "null" as const },
  };
  const details = { input: input.name, column: mapping.column };
  requireCast(mapping, type, input, as, problems, details);
  return {
    column: mapping.column,
    path,
    type,
    nulls: nullPolicy(mapping, input, takesMissing(mapping.column), problems, details),
    part: mapping.part ?? null,
    timezone: timezone(mapping, type, problems, details),
    lossy: mapping.cast === "lossy",
    // Rules of a whole stack don't reach the numbers that a map gives.
    dtype: mapping.map !== undefined || mapping.dtype === input.type ? null : (mapping.dtype ?? null),
    map: categoryMap(mapping, as === "list" ? itemType(type) : type, input, files, problems),
  };
}

function itemType(type: ColumnType): ColumnType {
  return listShape(type)?.item ?? type;
}

type Details = { readonly [key: string]: JsonValue };

/** Reports a column whose type cannot feed the input as the job maps it. */
export function requireCast(
  mapping: ColumnMapping,
  type: ColumnType,
  input: TensorSpec,
  as: "value" | "list",
  problems: Problems,
  details: Details,
): void {
  const { column } = mapping;
  if (as === "list" && listShape(type) === null) {
    problems.add(
      "mapping.cast",
      `column "${column}" is ${typeName(type)}, not a list, so \`list:\` can't take it`,
      {
        hint: "use `column:` or `stack:`",
        details,
      },
    );
    return;
  }
  const problem = valueProblem(mapping, as === "list" ? itemType(type) : type, input);
  if (problem === null) return;
  const subject = as === "list" ? `each value of column "${column}"` : `column "${column}"`;
  problems.add(problem.code, `input "${input.name}": ${subject} ${problem.message}`, {
    hint: problem.hint,
    details,
  });
}

function valueProblem(
  { column, part, map, dtype }: ColumnMapping,
  type: ColumnType,
  input: TensorSpec,
): CastProblem | null {
  if (map !== undefined) return mapProblem(type, input.type);
  // A column of the input's own name that holds bytes can only be its text.
  const bytesAsText = column === input.name;
  const options = { part: part ?? null, bytesAsText };
  return dtype === undefined || (dtype === input.type && dtype !== "string")
    ? castProblem(type, input.type, options)
    : dtypeProblem(type, dtype, input.type, options);
}

/** What the job says, else the zone of the column itself, else UTC. */
function timezone(
  { column, part, timezone }: ColumnMapping,
  type: ColumnType,
  problems: Problems,
  details: Details,
): string {
  if (timezone === undefined) {
    const own = part === undefined ? null : ownZone(valueType(type));
    if (own === null || isTimeZone(own)) return own ?? "UTC";
    problems.add("mapping.timezone", `column "${column}" is in "${own}", which is not a time zone`, {
      hint: "say where `part` is taken: `timezone: Europe/Lisbon`, or UTC",
      details,
    });
    return "UTC";
  }
  if (part === undefined)
    problems.add("mapping.timezone", `column "${column}": \`timezone\` does nothing without \`part\``, {
      hint: "add `part`, for example `part: hour`, or leave `timezone` out",
      details,
    });
  if (!isTimeZone(timezone))
    problems.add("mapping.timezone", `column "${column}": "${timezone}" is not a time zone`, {
      hint: "use an IANA name, such as Europe/Lisbon",
      details,
    });
  return timezone;
}

const utcNames: ReadonlySet<string> = new Set(["UTC", "Etc/UTC", "GMT", "+00:00", "-00:00", "Z"]);

function ownZone(type: ColumnType): string | null {
  if (type.kind !== "timestamp" || type.timezone === null) return null;
  return utcNames.has(type.timezone) ? "UTC" : type.timezone;
}

/** An IANA name, or an offset as Arrow writes it. */
function isTimeZone(name: string): boolean {
  if (offsetSeconds(name) !== null) return true;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/**
 * Floats have a value for "missing", which some models know. For any other model or tensor a null is a mistake until the
 * job says otherwise.
 */
function nullPolicy(
  { column, nulls }: ColumnMapping,
  { name, type }: TensorSpec,
  takesMissing: boolean,
  problems: Problems,
  details: Details,
): NullPolicy {
  if (nulls === undefined) return isFloatTensor(type) && takesMissing ? "nan" : "error";
  if (nulls === "error" || nulls === "reject") return nulls;
  if (nulls === "nan" && isFloatTensor(type)) return "nan";
  if (nulls !== "nan" && fits(nulls, type)) return { value: nulls };
  problems.add(
    "mapping.nulls",
    `column "${column}": \`nulls: ${String(nulls)}\` is not a value that input "${name}" (${type}) can hold`,
    { hint: `use ${allowedNulls(type)}`, details },
  );
  return "error";
}
