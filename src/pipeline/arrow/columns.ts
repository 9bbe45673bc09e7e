import type { Data, RecordBatch } from "apache-arrow";
import { BugError } from "../../errors.js";

/** The column's data in this chunk. */
export function columnOf(batch: RecordBatch, name: string): Data {
  const data = batch.data.children[batch.schema.fields.findIndex((field) => field.name === name)];
  if (data === undefined) throw new BugError("bug.missing-column", `the reader left out column "${name}"`);
  return data;
}
