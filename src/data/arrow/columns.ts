import type { Data, RecordBatch } from "apache-arrow";
import { BugError } from "../../errors.js";
import type { BoundColumn } from "../../mapping/mapping.js";
import type { ColumnType } from "../column.js";
import { leafOf } from "./leaves.js";
import { requireType } from "./require-type.js";

/** Returns the column's data in this chunk. */
export function columnOf(batch: RecordBatch, name: string): Data {
  const data = batch.data.children[batch.schema.fields.findIndex((field) => field.name === name)];
  if (data === undefined) throw new BugError("bug.missing-column", `the reader left out column "${name}"`);
  return data;
}

/**
 * Returns the column's data in this chunk and checks that it has the planned type. @throws DataError
 * `source.schema-drift`
 */
export function plannedColumn(batch: RecordBatch, name: string, type: ColumnType): Data {
  const data = columnOf(batch, name);
  requireType(data, type, name);
  return data;
}

/**
 * Returns the data that feeds an input: a column, or a field of a struct column. @throws DataError
 * `source.schema-drift`
 */
export function boundData(batch: RecordBatch, { column, path, type }: BoundColumn): Data {
  const [name = column, ...fields] = path;
  const data = leafOf(columnOf(batch, name), fields);
  requireType(data, type, column);
  return data;
}
