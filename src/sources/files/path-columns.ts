/** Columns that paths carry (`dt=2026-01-15/`): found over the whole listing, made as constants when rows are read. */
import {
  Schema as ArrowSchema,
  BufferType,
  Data,
  type DataType,
  Field,
  Int64,
  RecordBatch,
  Struct,
  Utf8,
} from "apache-arrow";
import type { Column, Schema } from "../../column.js";
import { DataError } from "../../errors.js";
import type { PinnedFile } from "../../partition.js";
import type { StoredFile } from "../../store.js";

type PathValues = StoredFile["pathValues"];
type TypedPathValues = PinnedFile["pathValues"];

/** What Hive and Spark write for a null. */
const hiveNull = "__HIVE_DEFAULT_PARTITION__";

export interface PathColumns {
  /** @throws DataError `source.path-columns` where files lie under different keys */
  add(file: StoredFile): void;
  /** `int64` where every value of a key is an integer as people write it, else `utf8`. */
  readonly schema: Schema;
  typed(values: PathValues): TypedPathValues;
}

interface KeyFacts {
  integers: boolean;
  nulls: boolean;
}

export function pathColumns(): PathColumns {
  let firstPath: string | null = null;
  const keys = new Map<string, KeyFacts>();
  const isInteger = (key: string): boolean => {
    const facts = keys.get(key);
    return facts?.integers === true && !facts.nulls;
  };
  return {
    add(file) {
      if (firstPath === null)
        for (const key of Object.keys(file.pathValues)) keys.set(key, { integers: true, nulls: false });
      firstPath ??= file.path;
      checkKeys(firstPath, [...keys.keys()], file);
      for (const [key, facts] of keys) {
        const value = file.pathValues[key] ?? hiveNull;
        if (value === hiveNull) facts.nulls = true;
        else facts.integers &&= isCanonicalInteger(value);
      }
    },
    get schema() {
      return [...keys].map(([name, facts]): Column => {
        const type = isInteger(name)
          ? ({ kind: "int", bits: 64, signed: true } as const)
          : ({ kind: "utf8" } as const);
        return { name, type, nullable: facts.nulls };
      });
    },
    typed(values) {
      const typed = (key: string, value: string): string | number | null => {
        if (value === hiveNull) return null;
        return isInteger(key) ? Number(value) : value;
      };
      return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, typed(key, value)]));
    },
  };
}

function checkKeys(firstPath: string, expected: readonly string[], file: StoredFile): void {
  const actual = Object.keys(file.pathValues);
  const odd = [
    ...expected.filter((key) => !actual.includes(key)),
    ...actual.filter((key) => !expected.includes(key)),
  ][0];
  if (odd === undefined) return;
  const [has, lacks] = actual.includes(odd) ? [file.path, firstPath] : [firstPath, file.path];
  throw new DataError(
    "source.path-columns",
    `the path of ${has} has a value for "${odd}" and that of ${lacks} has none`,
    {
      hint: "Name files of one layout only, or score them in separate runs.",
      details: { column: odd, file: file.path, other: firstPath },
    },
  );
}

/** `7` and `-7`; not `07`, `+7`, `1e3`, nor what a float64 could not hold exactly. */
function isCanonicalInteger(text: string): boolean {
  return /^(0|-?[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text));
}

/** The same rows with the path's columns in their places among `columns`. */
export function withPathColumns(
  batch: RecordBatch,
  columns: readonly string[],
  values: TypedPathValues,
): RecordBatch {
  if (!columns.some((column) => Object.hasOwn(values, column))) return batch;
  const fields: Field[] = [];
  const children: Data[] = [];
  let fromFile = 0;
  for (const column of columns) {
    const value = Object.hasOwn(values, column) ? values[column] : undefined;
    if (value !== undefined) {
      const data = constant(value, batch.numRows);
      fields.push(new Field(column, data.type, value === null));
      children.push(data);
      continue;
    }
    const field = batch.schema.fields[fromFile];
    const child = batch.data.children[fromFile++];
    if (field !== undefined) fields.push(field);
    if (child !== undefined) children.push(child);
  }
  const data = new Data(new Struct(fields), 0, batch.numRows, 0, undefined, children);
  return new RecordBatch(new ArrowSchema(fields), data);
}

function constant(value: string | number | null, rows: number): Data<DataType> {
  if (typeof value === "number")
    return new Data(new Int64(), 0, rows, 0, {
      [BufferType.DATA]: new BigInt64Array(rows).fill(BigInt(value)),
    });
  const text = Buffer.from(value ?? "");
  const offsets = Int32Array.from({ length: rows + 1 }, (_, i) => i * text.byteLength);
  const bytes = new Uint8Array(rows * text.byteLength);
  if (text.byteLength > 0) Buffer.from(bytes.buffer).fill(text);
  const buffers = { [BufferType.OFFSET]: offsets, [BufferType.DATA]: bytes };
  if (value !== null) return new Data(new Utf8(), 0, rows, 0, buffers);
  return new Data(new Utf8(), 0, rows, rows, {
    ...buffers,
    [BufferType.VALIDITY]: new Uint8Array(Math.ceil(rows / 8)),
  });
}
