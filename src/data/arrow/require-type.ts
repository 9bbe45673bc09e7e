import type { Data } from "apache-arrow";
import { DataError } from "../../errors.js";
import { columnType } from "../arrow-types.js";
import { type ColumnType, typeName } from "../column.js";

/**
 * Rejects data whose type differs from the planned type, because its buffers would be misread.
 * @throws DataError `source.schema-drift`
 */
export function requireType(data: Data, planned: ColumnType, column: string): void {
  const decoded = columnType(data.type);
  if (sameLayout(decoded, planned)) return;
  throw new DataError(
    "source.schema-drift",
    `column "${column}" decodes as ${typeName(decoded)}, and the plan says ${typeName(planned)}`,
    { hint: "plan again; if it persists, write all files with one schema", details: { column } },
  );
}

/**
 * Reports whether the values behind the dictionaries have the same memory layout. Names of nested fields,
 * nullability and time zones are ignored.
 */
function sameLayout(decoded: ColumnType, planned: ColumnType): boolean {
  if (decoded.kind === "dictionary") return sameLayout(decoded.value, planned);
  if (planned.kind === "dictionary") return sameLayout(decoded, planned.value);
  // Parquet itself has no fixed-size lists, so one reader may return a fixed-size list where another returns
  // a list.
  if (decoded.kind === "fixed-list" && planned.kind === "list") return sameLayout(decoded.item, planned.item);
  if (decoded.kind !== planned.kind) return false;
  switch (decoded.kind) {
    case "list":
      return planned.kind === "list" && sameLayout(decoded.item, planned.item);
    case "fixed-list":
      return (
        planned.kind === "fixed-list" &&
        decoded.size === planned.size &&
        sameLayout(decoded.item, planned.item)
      );
    case "map":
      return (
        planned.kind === "map" &&
        sameLayout(decoded.key, planned.key) &&
        sameLayout(decoded.value, planned.value)
      );
    case "struct":
      return planned.kind === "struct" && sameFields(decoded, planned);
    // The data type itself names its unit; stored values are counted in days.
    case "date":
      return planned.kind === "date";
    case "timestamp":
      return planned.kind === "timestamp" && decoded.unit === planned.unit;
    case "utf8":
    case "binary":
      return true;
    case "fixed-binary":
      return planned.kind === "fixed-binary" && decoded.bytes === planned.bytes;
    default:
      return JSON.stringify(decoded) === JSON.stringify({ ...decoded, ...planned });
  }
}

function sameFields(
  decoded: ColumnType & { readonly kind: "struct" },
  planned: ColumnType & { readonly kind: "struct" },
): boolean {
  return (
    decoded.fields.length === planned.fields.length &&
    decoded.fields.every((field, index) => {
      const other = planned.fields[index];
      return other !== undefined && sameLayout(field.type, other.type);
    })
  );
}
