/** Determines which requested columns are read from a file itself. */
import type { Column, Schema } from "../../data/column.js";
import type { FileSummary } from "../../formats/format.js";
import type { PinnedFile } from "../../job/partition.js";
import type { SourceReadRequest } from "../source.js";

export interface SliceColumns {
  /** Columns to decode, in the desired order. */
  readonly own: readonly string[];
  /**
   * Columns that they are converted to; `null` if the plan does not have all of them: then files are read as
   * they are.
   */
  readonly agreed: readonly Column[] | null;
}

export function columnsOf(
  { pathValues }: PinnedFile,
  summary: FileSummary,
  { columns, schema }: Pick<SourceReadRequest, "columns" | "schema">,
): SliceColumns {
  const wanted = columns.filter((column) => !Object.hasOwn(pathValues, column));
  const agreed = agreedColumns(schema, wanted);
  // A column that the plan does not have is requested anyway: the reader reports that the file lacks it.
  if (agreed === null) return { own: wanted, agreed };
  const inFile = new Set(summary.schema.map(({ name }) => name));
  return { own: wanted.filter((column) => inFile.has(column)), agreed };
}

function agreedColumns(schema: Schema | undefined, names: readonly string[]): readonly Column[] | null {
  if (schema === undefined) return null;
  const columns = new Map(schema.map((column) => [column.name, column]));
  const agreed = names.flatMap((name) => columns.get(name) ?? []);
  return agreed.length === names.length ? agreed : null;
}
