/** Assembles a scored chunk: kept input columns, predictions, and added columns. */
import {
  type Schema as ArrowSchema,
  BufferType,
  Data,
  type DataType,
  RecordBatch,
  Struct,
} from "apache-arrow";
import { plannedColumn } from "../data/arrow/columns.js";
import { plainRows, takeRows } from "../data/arrow/take-rows.js";
import { encodeTexts } from "../data/arrow/texts.js";
import { bitmapWithout } from "../data/arrow/validity.js";
import { arrowSchema } from "../data/arrow-types.js";
import { BugError } from "../errors.js";
import { type MappingFiles, noFiles } from "../mapping/files/mapping-files.js";
import type { AddedColumn, Mapping } from "../mapping/mapping.js";
import { type Collector, createCollector } from "./collect-outputs.js";

export interface Attacher {
  readonly schema: ArrowSchema;
  /** Collects the outputs of the chunk's batches before `attach`. */
  readonly outputs: Collector;
  /**
   * Returns the output's rows for a chunk. They use buffers of the chunk and of this attacher, and are valid
   * until the next call.
   * @param nulled rows without predictions
   * @param left rows that are removed from the output
   */
  attach(batch: RecordBatch, nulled: readonly number[], left: readonly number[]): RecordBatch;
  /** Returns the key columns of some rows, or `null` if the job has no key. */
  keys(batch: RecordBatch, rows: readonly number[]): RecordBatch | null;
}

/**
 * @param expand expands templates with values that only a running partition has: `{{ run.id }}`,
 * `{{ model.sha256 }}`
 */
export function createAttacher(
  mapping: Mapping,
  key: readonly string[],
  expand: (text: string) => string,
  files: MappingFiles = noFiles,
): Attacher {
  const schema = arrowSchema(mapping.columns);
  const kept = mapping.passthrough.length;
  const predicted = schema.fields.length - kept - mapping.added.length;
  const outputs = createCollector(mapping.outputs, schema.fields.slice(kept, kept + predicted), files);
  const constants = mapping.added.map((added) => createConstant(added, expand));
  const keySchema = schema.select([...key]);

  return {
    schema,
    outputs,
    attach(batch, nulled, left) {
      const rows = batch.numRows;
      const children = [
        ...mapping.passthrough.map((name, index) => plainRows(passed(batch, name), typeAt(index))),
        ...outputs.columns({ bitmap: bitmapWithout(nulled, rows), count: nulled.length }),
        ...constants.map((constant, index) => constant(rows, typeAt(kept + predicted + index))),
      ];
      return recordBatch(
        schema,
        left.length === 0 ? children : without(children, left, rows),
        rows - left.length,
      );
    },
    keys(batch, rows) {
      if (key.length === 0) return null;
      const taken = Int32Array.from(rows);
      const children = keySchema.fields.map(({ name, type }) => takeRows(passed(batch, name), taken, type));
      return recordBatch(keySchema, children, rows.length);
    },
  };

  function passed(batch: RecordBatch, name: string): Data {
    const column = mapping.columns.find((candidate) => candidate.name === name);
    if (column === undefined) throw new BugError("bug.columns", `the output has no column "${name}"`);
    return plannedColumn(batch, name, column.type);
  }

  function typeAt(index: number): DataType {
    const field = schema.fields[index];
    if (field === undefined) throw new BugError("bug.columns", `the output has no column ${index}`);
    return field.type;
  }
}

function without(children: readonly Data[], left: readonly number[], rows: number): readonly Data[] {
  const gone = new Set(left);
  const stay = Int32Array.from(Array.from({ length: rows }, (_, row) => row).filter((row) => !gone.has(row)));
  return children.map((data) => takeRows(data, stay, data.type));
}

function recordBatch(schema: ArrowSchema, children: readonly Data[], rows: number): RecordBatch {
  return new RecordBatch(schema, new Data(new Struct(schema.fields), 0, rows, 0, {}, [...children]));
}

/** A constant column. It is rebuilt only if a chunk has a different number of rows. */
function createConstant(added: AddedColumn, expand: (text: string) => string) {
  const { value } = added;
  const constant = typeof value === "string" ? expand(value) : value;
  let made: Data | null = null;
  return (rows: number, type: DataType): Data => {
    if (made?.length !== rows) made = new Data(type, 0, rows, 0, constantBuffers(constant, added, rows));
    return made;
  };
}

function constantBuffers(value: unknown, { column, type }: AddedColumn, rows: number) {
  if (typeof value === "string") {
    const { offsets, bytes } = encodeTexts(new Array<string>(rows).fill(value));
    return { [BufferType.OFFSET]: offsets, [BufferType.DATA]: bytes };
  }
  if (typeof value === "boolean")
    return { [BufferType.DATA]: new Uint8Array((rows + 7) >> 3).fill(value ? 0xff : 0) };
  if (typeof value !== "number") throw new BugError("bug.constant", `"${column}" is not a constant`);
  return {
    [BufferType.DATA]:
      type.kind === "int" ? new BigInt64Array(rows).fill(BigInt(value)) : new Float64Array(rows).fill(value),
  };
}
