/** What the job says about one column, checked against its type and the tensor that it feeds. */
import { type ColumnType, type Schema, typeName } from "../../column.js";
import type { JsonValue } from "../../errors.js";
import type { ColumnMapping, NullRule } from "../../job.js";
import type { BoundColumn, NullPolicy } from "../../mapping.js";
import type { TensorSpec, TensorType } from "../../tensor.js";
import { integerRange } from "../tensors/integer-range.js";
import { castProblem, isFloatTensor, valueType } from "./casts.js";
import type { Problems } from "./problems.js";

interface Context {
  readonly schema: Schema;
  readonly problems: Problems;
}

/** @param as whether the column gives a value or a list a row */
export function boundColumn(
  mapping: ColumnMapping,
  input: TensorSpec,
  as: "value" | "list",
  { schema, problems }: Context,
): BoundColumn {
  const type = schema.find((column) => column.name === mapping.column)?.type ?? { kind: "null" };
  const details = { input: input.name, column: mapping.column };
  requireCast(mapping, type, input, as, problems, details);
  requireTensorType(mapping, input, problems, details);
  return {
    column: mapping.column,
    type,
    nulls: nullPolicy(mapping, input, problems, details),
    part: mapping.part ?? null,
    timezone: timezone(mapping, problems, details),
    lossy: mapping.cast === "lossy",
  };
}

type Details = { readonly [key: string]: JsonValue };

function requireCast(
  { column, part, cast }: ColumnMapping,
  type: ColumnType,
  input: TensorSpec,
  as: "value" | "list",
  problems: Problems,
  details: Details,
): void {
  const list = valueType(type);
  const isList = list.kind === "list" || list.kind === "fixed-list";
  if (as === "list" && !isList) {
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
  const value = as === "list" && isList ? list.item : type;
  const problem = castProblem(value, input.type, { part: part ?? null, lossy: cast === "lossy" });
  if (problem === null) return;
  const subject = as === "list" ? `each value of column "${column}"` : `column "${column}"`;
  problems.add(problem.code, `input "${input.name}": ${subject} ${problem.message}`, {
    hint: problem.hint,
    details,
  });
}

/** The model decides what it takes; a `dtype` that says otherwise was written for another model. */
function requireTensorType(
  { dtype }: ColumnMapping,
  input: TensorSpec,
  problems: Problems,
  details: Details,
): void {
  if (dtype === undefined || dtype === input.type) return;
  problems.add("mapping.dtype", `input "${input.name}" takes ${input.type}, and \`dtype\` says ${dtype}`, {
    hint: `write \`dtype: ${input.type}\` or leave it out: the model decides`,
    details,
  });
}

function timezone({ column, part, timezone }: ColumnMapping, problems: Problems, details: Details): string {
  if (timezone === undefined) return "UTC";
  if (part === undefined)
    problems.add("mapping.timezone", `column "${column}": \`timezone\` does nothing without \`part\``, {
      hint: "add `part: hour` or the like, or leave `timezone` out",
      details,
    });
  if (!isTimeZone(timezone))
    problems.add("mapping.timezone", `column "${column}": "${timezone}" is not a time zone`, {
      hint: "use an IANA name, such as Europe/Lisbon",
      details,
    });
  return timezone;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Floats have a value for "missing"; for anything else a null is a mistake until the job says otherwise. */
function nullPolicy(
  { column, nulls }: ColumnMapping,
  { name, type }: TensorSpec,
  problems: Problems,
  details: Details,
): NullPolicy {
  if (nulls === undefined) return isFloatTensor(type) ? "nan" : "error";
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

function fits(value: Exclude<NullRule, "nan">, type: TensorType): boolean {
  if (type === "string") return typeof value === "string";
  if (type === "bool") return typeof value === "boolean" || value === 0 || value === 1;
  if (typeof value !== "number") return false;
  if (isFloatTensor(type)) return true;
  const range = integerRange(type);
  return Number.isSafeInteger(value) && value >= range.min && value <= range.max;
}

function allowedNulls(type: TensorType): string {
  if (isFloatTensor(type)) return "nan, error, reject or a number";
  if (type === "string") return "error, reject or a text";
  if (type === "bool") return "error, reject, true or false";
  return `error, reject or an integer that ${type} can hold`;
}
