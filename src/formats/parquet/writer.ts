/**
 * Encodes Arrow batches with parquet-wasm. Batches are gathered as Arrow's IPC stream, which copies them, and handed over
 * in one go when the part is finished: the streaming writer of parquet-wasm swallows errors.
 *
 * The encoder is an instance of its own (`parquet-wasm/esm`; readers use the other build): when its memory grows, views
 * of the reader's memory stay good, and one chunk can be written to several writers.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import {
  AsyncByteQueue,
  BufferType,
  Data,
  DataType,
  type Field,
  RecordBatch,
  RecordBatchStreamWriter,
  type Schema,
  Struct,
} from "apache-arrow";
import {
  Compression,
  EnabledStatistics,
  initSync,
  Table,
  type WriterProperties,
  WriterPropertiesBuilder,
  writeParquet,
} from "parquet-wasm/esm/parquet_wasm.js";
import { columnType } from "../../data/arrow-types.js";
import { typeName } from "../../data/column.js";
import { BugError, DataError } from "../../errors.js";
import type { WriterProfile } from "../../job/profile.js";
import type { FormatWriter } from "../format.js";
import { annotateFile } from "./annotations.js";
import { reasonOf } from "./decoder.js";

const createdBy = "nightshift";
/** How many values of a part tell whether a dictionary is worth it. */
const sampledValues = 1024;
const compressions = {
  zstd: Compression.ZSTD,
  snappy: Compression.SNAPPY,
  none: Compression.UNCOMPRESSED,
} as const;

/** @throws DataError `format.unsupported-type` naming the column */
export function createParquetWriter(schema: Schema, profile: WriterProfile): FormatWriter {
  startEncoder();
  checkSchema(schema);
  const gathered = new CopyingQueue();
  const stream = new RecordBatchStreamWriter();
  stream.reset(gathered, schema);
  let rows = 0;
  let distinct: ReadonlySet<string> | null = null;
  return {
    write(batch) {
      const conforming = conform(batch, schema);
      if (batch.numRows > 0) distinct ??= distinctIntegers(conforming);
      stream.write(conforming);
      rows += batch.numRows;
    },
    get rawBytes() {
      return gathered.byteLength;
    },
    get rows() {
      return rows;
    },
    finish() {
      stream.finish();
      const file = writeParquet(
        Table.fromIPCStream(gathered.take()),
        properties(schema, profile, distinct ?? new Set()),
      );
      return annotateFile(file, schema);
    },
  };
}

/** Keeps copies: what is written to it may be a view that the next read overwrites. */
class CopyingQueue extends AsyncByteQueue {
  byteLength = 0;

  override write(chunk: Uint8Array): void {
    this.byteLength += chunk.byteLength;
    super.write(chunk.slice());
  }

  /** Everything in one piece, which is then the only one: a part is large, and the encoder needs room. */
  take(): Uint8Array {
    const joined = this.toUint8Array(true);
    this._values.length = 0;
    return joined;
  }
}

let started = false;

/** Compiles the encoder, which takes some seventy milliseconds: once a thread, and better before it is needed. */
export function startEncoder(): void {
  if (started) return;
  const binary = createRequire(import.meta.url).resolve("parquet-wasm/esm/parquet_wasm_bg.wasm");
  initSync({ module: readFileSync(binary) });
  started = true;
}

/**
 * Dictionaries and statistics are off for floats, which are scores and vectors: ten times faster and a third smaller.
 * Dictionaries are off for integers that hardly repeat, such as keys: a third faster and smaller.
 * parquet-wasm takes settings for top-level columns only, so all nested columns share one.
 */
function properties(schema: Schema, profile: WriterProfile, distinct: ReadonlySet<string>): WriterProperties {
  const nestedFloats = schema.fields.some((field) => field.type.children?.length && holdsFloats(field.type));
  let builder = new WriterPropertiesBuilder()
    .setCreatedBy(createdBy)
    .setCompression(compressions[profile.compression])
    .setMaxRowGroupSize(profile.rowGroupRows)
    .setDictionaryEnabled(!nestedFloats)
    .setStatisticsEnabled(nestedFloats ? EnabledStatistics.None : EnabledStatistics.Chunk);
  for (const field of schema.fields) {
    const floats = holdsFloats(field.type);
    builder = builder
      .setColumnDictionaryEnabled(field.name, !floats && !distinct.has(field.name))
      .setColumnStatisticsEnabled(field.name, floats ? EnabledStatistics.None : EnabledStatistics.Chunk);
  }
  return builder.build();
}

/** Integer columns of which more than half of the first values differ from each other. */
function distinctIntegers(batch: RecordBatch): ReadonlySet<string> {
  const names = batch.schema.fields.flatMap(({ name, type }, i) => {
    const values: ArrayLike<unknown> | undefined = batch.data.children[i]?.values;
    if (!DataType.isInt(type) || values === undefined) return [];
    const looked = Math.min(values.length, sampledValues);
    const seen = new Set<unknown>();
    for (let row = 0; row < looked; row++) seen.add(values[row]);
    return seen.size > looked / 2 ? [name] : [];
  });
  return new Set(names);
}

function holdsFloats(type: DataType): boolean {
  return DataType.isFloat(type) || (type.children ?? []).some((child: Field) => holdsFloats(child.type));
}

/** A type that cannot be written is found before anything is predicted: by writing no rows of it. */
function checkSchema(schema: Schema): void {
  for (const field of schema.fields) {
    try {
      const stream = new RecordBatchStreamWriter();
      stream.reset(undefined, new (schema.constructor as typeof Schema)([field]));
      stream.finish();
      writeParquet(Table.fromIPCStream(stream.toUint8Array(true)), new WriterPropertiesBuilder().build());
    } catch (error) {
      const type = typeName(columnType(field.type));
      throw new DataError(
        "format.unsupported-type",
        `column "${field.name}" of type ${type} cannot be written to Parquet: ${reasonOf(error)}`,
        {
          hint: "Leave the column out, or write it as another type.",
          details: { column: field.name, type },
          cause: error,
        },
      );
    }
  }
}

/** The same values under the writer's own schema: Arrow's stream writer silently ends at a batch of another schema. */
function conform(batch: RecordBatch, schema: Schema): RecordBatch {
  const children = schema.fields.map((field, i) => {
    const data = batch.data.children[i];
    if (
      data === undefined ||
      batch.schema.fields[i]?.name !== field.name ||
      !sameLayout(data.type, field.type)
    )
      throw new BugError(
        "bug.writer-schema",
        `a batch does not have the writer's schema at column "${field.name}"`,
      );
    return countNulls(data);
  });
  return new RecordBatch(
    schema,
    new Data(new Struct(schema.fields), 0, batch.numRows, 0, undefined, children),
  );
}

/** The encoder insists on the number of nulls in a column of the type null; with a bitmap, slices know theirs too. */
function countNulls(data: Data): Data {
  if (DataType.isNull(data.type)) {
    const noneValid = new Uint8Array(Math.ceil(data.length / 8));
    return new Data(data.type, 0, data.length, data.length, { [BufferType.VALIDITY]: noneValid });
  }
  if (!holdsNulls(data.type)) return data;
  const { type, offset, length, nullCount } = data;
  return data.clone(type, offset, length, nullCount, undefined, data.children.map(countNulls));
}

function holdsNulls({ children }: DataType): boolean {
  return (children ?? []).some(({ type }: Field) => DataType.isNull(type) || holdsNulls(type));
}

/** Equal but for the names of nested fields and the ids of dictionaries. */
function sameLayout(a: DataType, b: DataType): boolean {
  if (DataType.isDictionary(a) && DataType.isDictionary(b))
    return sameLayout(a.indices, b.indices) && sameLayout(a.dictionary, b.dictionary);
  const [ours, theirs]: readonly Field[][] = [a.children ?? [], b.children ?? []];
  if (a.typeId !== b.typeId || ours?.length !== theirs?.length) return false;
  if (ours === undefined || ours.length === 0) return String(a) === String(b);
  return ours.every((child, i) => theirs?.[i] !== undefined && sameLayout(child.type, theirs[i].type));
}
