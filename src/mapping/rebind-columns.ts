/** A mapping over another table of the same columns, whose types may be others: a database's float32 is a file's float64. */
import type { Schema } from "../data/column.js";
import type { ColumnMapping } from "../job/job.js";
import { valueType } from "./casts.js";
import { requireCast } from "./column-rules.js";
import type { BoundColumn, InputBinding, OutputBinding } from "./mapping.js";
import type { Problems } from "./problems.js";
import { findColumn } from "./schema-columns.js";

/** Every column must be in the schema. A type that cannot feed its input is added to the problems. */
export function rebindInput(binding: InputBinding, schema: Schema, problems: Problems): InputBinding {
  const rebind = (column: BoundColumn, as: "value" | "list"): BoundColumn => {
    requireCast(
      {
        column: column.column,
        ...(column.part === null ? {} : { part: column.part }),
        ...(column.lossy ? { cast: "lossy" } : {}),
        ...(column.map === null ? {} : { map: { file: column.map.file } }),
        ...dtypeOf(column),
      },
      typeIn(schema, column),
      { name: binding.input, type: binding.type, shape: null },
      as,
      problems,
      { input: binding.input, column: column.column },
    );
    return withTypeIn(schema, column);
  };
  switch (binding.kind) {
    case "columns":
      return { ...binding, columns: binding.columns.map((column) => rebind(column, "value")) };
    case "list":
      return { ...binding, column: rebind(binding.column, "list") };
    case "mask":
      return { ...binding, column: withTypeIn(schema, binding.column) };
    case "constant":
      return binding;
  }
}

/** What an output looks up in the input has its type in the schema. */
export function rebindOutput(binding: OutputBinding, schema: Schema): OutputBinding {
  return binding.kind === "top-k" && binding.exclude !== null
    ? { ...binding, exclude: withTypeIn(schema, binding.exclude) }
    : binding;
}

/** Bytes that were bound once are texts. */
function dtypeOf({ dtype, type }: BoundColumn): Pick<ColumnMapping, "dtype"> {
  if (dtype !== null) return { dtype };
  return valueType(type).kind === "binary" ? { dtype: "string" } : {};
}

function withTypeIn(schema: Schema, column: BoundColumn): BoundColumn {
  return { ...column, type: typeIn(schema, column) };
}

function typeIn(schema: Schema, { column, type }: BoundColumn): BoundColumn["type"] {
  return findColumn(schema, column)?.type ?? type;
}
